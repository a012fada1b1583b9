"""Texts: near-duplicates, normalization and attributes."""
