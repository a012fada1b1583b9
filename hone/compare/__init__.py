"""Contrasts between systems, and slices of the queries."""
