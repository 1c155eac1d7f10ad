"""What `make bench` measures: each figure beside its yardstick, both measured in one run on one machine."""
