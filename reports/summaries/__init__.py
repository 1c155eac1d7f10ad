"""The numbers of a billing cycle."""
