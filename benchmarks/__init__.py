"""What `make bench` measures: each figure beside what it is measured against, in one run on one machine."""
