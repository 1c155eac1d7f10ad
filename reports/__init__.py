"""Answers drawn from billing and usage, as files: report types, writers, jobs, screens."""
