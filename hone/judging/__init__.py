"""Judging: questions, prompts, answers, verdicts and the cascade that asks one judge after the other."""
