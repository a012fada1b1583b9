"""Generated queries and documents: prompts, the models that write, and the rows that they make."""
