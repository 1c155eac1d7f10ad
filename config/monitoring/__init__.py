"""Metrics for Prometheus: requests, counted as they are answered, and jobs, counted in the database."""
