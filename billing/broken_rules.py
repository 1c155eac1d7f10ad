"""What a constraint of the database forbids, in the words of the model that declares it."""

import psycopg
from django.apps import apps
from django.db import IntegrityError

DELETED = "Something that they refer to was deleted in the meantime."


def broken_rule(error: IntegrityError) -> str:
    """Return the constraint that was violated, as a sentence."""
    cause = error.__cause__
    if isinstance(cause, psycopg.errors.ForeignKeyViolation):
        return DELETED
    name = (cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None) or "unnamed"
    messages = {
        constraint.name: str(constraint.violation_error_message or "")
        for model in apps.get_models()
        for constraint in model._meta.constraints
    }
    return messages.get(name) or f"A rule of the database ({name}) forbids it."
