"""Settings: params.yaml, recipes, their methods, and the code of each stage."""
