"""Language models: the client, rate limits, endpoint state, budgets and local servers."""
