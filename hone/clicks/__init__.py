"""Click logs: personal data in queries, click rates, and the position-based click model."""
