"""Chance that repeats itself: the same key, the same numbers, on every machine."""

from random import Random


def chance(*key: object) -> Random:
    """A generator of its own for a key, such as (seed, company, day): independent of every other key's."""
    return Random("/".join(map(str, key)))  # noqa: S311 - it invents people and calls, and keeps no secret
