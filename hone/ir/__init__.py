"""Retrieval quality: measures, rankings, run files, unjudged documents and MTEB tasks."""
