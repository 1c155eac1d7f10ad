"""Webhooks: telling an account's own programs what became of its reports, signed as Standard Webhooks has it."""
