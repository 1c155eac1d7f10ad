"""The list of subscriptions, one subscription, and the rows behind its numbers."""
