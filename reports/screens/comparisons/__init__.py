"""The comparison of two runs of a report."""
