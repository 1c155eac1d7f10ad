"""Figures for Prometheus: requests, counted where they are answered, and jobs, counted in the database."""
