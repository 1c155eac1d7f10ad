"""The screens of uploads."""
