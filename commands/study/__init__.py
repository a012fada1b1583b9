"""Recipes side by side: each with several seeds in git worktrees. Results are trial files; no
trial runs twice.
"""
