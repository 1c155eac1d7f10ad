"""Query parameters: none is ignored."""

from collections.abc import Collection

from django.http import QueryDict

from reports.api.exceptions import FieldError, invalid


def reject_unknown_parameters(query: QueryDict, *, known: Collection[str], repeatable: Collection[str] = ()) -> None:
    """Raise a problem that names each parameter which the address does not know, or which stands there in vain."""
    errors = []
    for name, values in query.lists():
        if name not in known:
            detail = "There is no such query parameter here."
            errors.append(FieldError(name, detail, allowed=sorted(known)))
        elif len(values) > 1 and name not in repeatable:
            errors.append(FieldError(name, "This parameter can be given once only."))
        elif "" in values:
            errors.append(FieldError(name, "Give a value, or leave the parameter out."))
    if errors:
        raise invalid(errors)
