"""Batch jobs of an endpoint: submitted, followed, collected, resumed after a kill."""
