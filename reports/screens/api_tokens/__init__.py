"""The API tokens of an administrator."""
