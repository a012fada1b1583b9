"""Encoders: models, the embedding cache, batched inference, search, cross-encoders and
endpoints.
"""
