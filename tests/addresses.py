"""Addresses of the API, and a key that no object has."""

from uuid import UUID

from django.urls import reverse

MISSING = UUID(int=0)


def to(name: str, *arguments: object) -> str:
    """Return the address of a view of the API."""
    return reverse(f"api:{name}", args=arguments)
