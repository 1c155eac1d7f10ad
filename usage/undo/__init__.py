"""Undoing an applied upload, and what blocks it."""
