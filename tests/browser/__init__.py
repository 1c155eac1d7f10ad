"""The product in a real browser, with real workers."""
