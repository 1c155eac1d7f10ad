"""Reports somebody ordered: enqueued or joined, run by a worker, stored, downloaded."""
