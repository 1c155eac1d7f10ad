"""Ordered reports: enqueued or joined, run by a worker, stored, downloaded."""
