"""Killed workers, killed brokers: real processes, and what must be true afterwards."""
