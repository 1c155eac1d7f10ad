"""Repeatable chance: the same key gives the same numbers on every machine."""

from random import Random


def chance(*key: object) -> Random:
    """Return a generator for a key, such as (seed, company, day), independent of those for other keys."""
    return Random("/".join(map(str, key)))  # noqa: S311 - it invents people and calls, and keeps no secret
