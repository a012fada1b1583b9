"""Training: arguments, checkpoints, network settings and teachers for retriever and ranker."""
