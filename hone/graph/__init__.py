"""Neighbors of documents and queries: nearest neighbors, rank bands, taxonomies."""
