"""Comparisons of two runs of a report: enqueued, run, and the diff itself."""
