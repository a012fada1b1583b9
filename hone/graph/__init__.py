"""Neighbours of documents and queries: nearest ones, bands of ranks, taxonomies."""
