"""The part of every admin that writes: what it checks, it checks under locks, and it stays true until it is saved."""

from __future__ import annotations

from functools import partial, partialmethod
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import options
from django.contrib.admin.utils import unquote
from django.db import IntegrityError, connection, transaction
from django.db.models import PROTECT
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import get_text_list

from billing.broken_rules import broken_rule

if TYPE_CHECKING:
    from collections.abc import Callable

    ModelAdmin = options.ModelAdmin[Any]  # only the stub takes a type argument
else:
    ModelAdmin = options.ModelAdmin

_REFUSAL = "_refusal_of_the_database"


class LockingAdmin(ModelAdmin):
    """Locks first, then reads, checks and writes, all in one transaction."""

    def lock_before_writing(self) -> None:
        """Take the locks of others who write what this admin checks; they come before the lock on the object's row."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the form; on POST, check and save it under locks."""
        view = partial(super().changeform_view, request, object_id, form_url, extra_context)
        may_write = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        return self._under_locks(request, view, object_id) if request.method == "POST" and may_write else view()

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for confirmation; on POST, delete the object under locks, unless others depend on it."""
        view = partial(self._delete_unless_needed, request, object_id, extra_context)
        if request.method == "POST" and self.has_delete_permission(request):
            return self._under_locks(request, view, object_id, is_deletion=True)
        return view()

    def dependents(self, instance: Any) -> list[str]:
        """Return, in words, the kinds of rows that keep an object from being deleted. Looks at one row of each kind."""
        found = set()
        for relation in instance._meta.get_fields(include_hidden=True):
            if getattr(relation, "on_delete", None) is PROTECT:
                rows = relation.related_model._base_manager.filter(**{relation.field.name: instance})
                if rows.exists():
                    found.add(str(relation.related_model._meta.verbose_name_plural))
        return sorted(found)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save related rows, and have the database check all keys before a message reports success."""
        super().save_related(request, form, formsets, change)
        _check_keys_now()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete the object, and have the database check all keys before a message reports success."""
        super().delete_model(request, obj)
        _check_keys_now()

    def _under_locks(
        self,
        request: HttpRequest,
        view: Callable[[], HttpResponse],
        object_id: str | None,
        *,
        is_deletion: bool = False,
    ) -> HttpResponse:
        """Run the view in a transaction that holds the locks.

        A row that does not exist yet cannot be locked: two people may add it at the same moment. Where a constraint
        refuses the second of them, the view runs once more, and its own check finds the row and names it. Django checks
        inlines against one another alone: what only the constraint refuses becomes an error of the form, too.
        """
        for _attempt in range(2):
            try:
                with transaction.atomic():
                    self.lock_before_writing()
                    self._lock_row(request, object_id, is_deletion=is_deletion)
                    return view()
            except IntegrityError as error:
                refusal = broken_rule(error)
        if is_deletion:
            messages.error(request, f"This was not deleted. {refusal} Try again.")
            return HttpResponseRedirect(request.get_full_path())
        setattr(request, _REFUSAL, refusal)
        return view()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        """Return the form; it is invalid once the database has refused what was posted."""
        form = super().get_form(request, obj, change, **kwargs)
        refusal = getattr(request, _REFUSAL, None)
        return (
            form if refusal is None else type(form.__name__, (form,), {"clean": partialmethod(_refuse, form, refusal)})
        )

    def _lock_row(self, request: HttpRequest, object_id: str | None, *, is_deletion: bool) -> None:
        """Lock the object. For a deletion that includes those who are about to refer to it: it waits for them."""
        instance = self.get_object(request, unquote(object_id)) if object_id else None
        if instance is not None:
            rows = self.model._base_manager.select_for_update(no_key=not is_deletion)
            rows.filter(pk=instance.pk).values_list("pk").first()

    def _delete_unless_needed(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None
    ) -> HttpResponse:
        """Refuse to delete an object on which others depend, with a sentence that names them."""
        instance = self.get_object(request, unquote(object_id))
        if self.has_delete_permission(request, instance) and (dependents := self.dependents(instance)):
            what = get_text_list(dependents, "and")
            messages.error(request, f"{instance} cannot be deleted: it has {what}.")
            opts = self.opts
            return HttpResponseRedirect(reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[object_id]))
        return super().delete_view(request, object_id, extra_context)


def _refuse(form: Any, form_class: type[Any], refusal: str) -> None:
    form_class.clean(form)
    form.add_error(None, refusal)


def _check_keys_now() -> None:
    """Check deferred constraints, which otherwise fail at the commit, after the message of success."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
