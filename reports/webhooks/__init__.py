"""Webhooks: send the events of an account's reports to its programs, signed according to Standard Webhooks."""
