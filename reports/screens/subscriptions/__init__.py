"""The list of subscriptions, a subscription's page, and the rows behind its numbers."""
