"""What is shown: numbers in words, model cards, provenance and MLflow."""
