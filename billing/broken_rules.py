"""What a constraint of the database forbids, in the words of the model that declares it."""

import psycopg
from django.apps import apps
from django.db import IntegrityError

from billing.composite_keys import CompositeForeignKey

DELETED = "Something that they refer to was deleted in the meantime."


def broken_rule(error: IntegrityError) -> str:
    """Return the constraint that was violated, as a sentence."""
    cause = error.__cause__
    name = (cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None) or "unnamed"
    constraints = {constraint.name: constraint for model in apps.get_models() for constraint in model._meta.constraints}
    constraint = constraints.get(name)
    # A row never changes its account: where a key with the account is violated, what it refers to is gone.
    is_shared = isinstance(constraint, CompositeForeignKey) and constraint.shared != "account"
    if isinstance(cause, psycopg.errors.ForeignKeyViolation) and not is_shared:
        return DELETED
    message = str(constraint.violation_error_message or "") if constraint else ""
    return message or f"A rule of the database ({name}) forbids it."
