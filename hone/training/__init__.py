"""Training: arguments, checkpoints, network settings and teachers, shared by the retriever and the ranker."""
