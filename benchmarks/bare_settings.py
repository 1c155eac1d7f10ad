"""The product's settings, with the addresses of `benchmarks.bare`."""

from config.settings import *  # noqa: F403 - every setting of the product

ROOT_URLCONF = "benchmarks.bare"
