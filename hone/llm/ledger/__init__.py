"""The ledger: every answer that was paid for, kept by its question."""
