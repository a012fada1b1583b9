"""Recipes side by side: each with several seeds as experiments of DVC, told apart from chance, kept and never run twice."""
