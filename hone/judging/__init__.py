"""Judging: questions, prompts, answers, verdicts and the cascade that queries one judge after
the other.
"""
