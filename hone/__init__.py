"""The library of Hone: what more than one stage uses. It imports nothing of tasks, commands or flows."""
