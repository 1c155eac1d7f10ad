"""Rejects unknown, repeated and empty query parameters, so that none is ignored."""

from collections.abc import Collection

from django.http import QueryDict

from reports.api.exceptions import FieldError, invalid


def reject_unknown_parameters(query: QueryDict, *, known: Collection[str], repeatable: Collection[str] = ()) -> None:
    """Raise a problem that names each unknown or empty parameter, and each repeated one that is not repeatable."""
    errors = []
    for name, values in query.lists():
        if name not in known:
            detail = "Unknown query parameter."
            errors.append(FieldError(name, detail, allowed=sorted(known)))
        elif len(values) > 1 and name not in repeatable:
            errors.append(FieldError(name, "Give this parameter only once."))
        elif "" in values:
            errors.append(FieldError(name, "Give a value or omit the parameter."))
    if errors:
        raise invalid(errors)
