"""Presentation: number formats, Markdown, HTML, plot style, model cards, provenance and MLflow."""
