"""Settings: params.yaml, recipes, the methods they name, and which code a stage uses."""
