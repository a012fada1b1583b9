"""Encoders: models, the vector store, batched inference, search, cross-encoders and endpoints."""
