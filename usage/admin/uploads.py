"""Uploads in the admin: a form that takes a file, the list, and a page that says what became of one."""

import csv
import io
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from billing.admin_site import platform_staff
from billing.models import Account, Administrator
from billing.scoped_admin import AccountFilter, ScopedAdmin
from usage import deciding
from usage.models import Upload, UploadKind, UploadQuerySet, UploadStatus
from usage.receiving import receive_upload

ERRORS_SHOWN = 50
_DECISIONS: dict[str, Callable[[Upload, Administrator], object]] = {
    "apply": deciding.confirm,
    "apply_without_errors": partial(deciding.confirm, skips_errors=True),
    "check_again": deciding.check_again,
    "discard": deciding.discard,
    "stop": deciding.stop,
}


class StatusFilter(admin.SimpleListFilter):
    """Where uploads stand, which no column of theirs says alone."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every status."""
        return [(str(value), str(label)) for value, label in UploadStatus.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that stand there; nonsense is no filter."""
        value = self.value()
        if value not in UploadStatus.values or not isinstance(queryset, UploadQuerySet):
            return queryset
        return queryset.standing(UploadStatus(value))


class UploadForm(forms.Form):
    """A file, what it holds, and whose data that is. A customer's administrator uploads into their accounts alone."""

    kind = forms.ChoiceField(label="Kind of data")
    account = forms.ModelChoiceField(
        Account.objects.none(),
        required=False,
        help_text="Whose data it is. Leave it empty when the file names accounts in a column of its own.",
    )
    file = forms.FileField(
        label="CSV or XLSX file",
        help_text="With a header row; the columns in any order.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,text/csv"}),
    )
    creates_users = forms.BooleanField(
        label="Create users",
        required=False,
        help_text="Of login sessions: users that the file names and that do not exist are created.",
    )

    def __init__(self, *args: Any, administrator: Administrator, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_customer = not administrator.is_platform_staff
        kinds = [kind for kind in UploadKind if kind.belongs_to_account or not is_customer]
        kind, account = self.fields["kind"], self.fields["account"]
        if isinstance(kind, forms.ChoiceField) and isinstance(account, forms.ModelChoiceField):
            kind.choices = [(kind.value, kind.label) for kind in kinds]
            account.queryset = Account.objects.visible_to(administrator)
            account.required = is_customer
            if is_customer:
                account.help_text = "Whose data it is."


@admin.register(Upload)
class UploadAdmin(ScopedAdmin):
    """Nothing of an upload is edited; it is made by a form of its own."""

    section = "Usage"
    list_display = ["file_name", "kind", "account", "status", "rows", "rows_in_error", "uploaded_at", "uploaded_by"]
    list_filter: ClassVar[Any] = [StatusFilter, "kind", ("account", AccountFilter)]
    list_select_related = ["account", "uploaded_by", "latest_step"]

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        """The one permission to write that a customer's administrator may be given."""
        return request.user.has_perm("usage.add_upload")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever uploads sees what became of it."""
        return super().has_view_permission(request, obj) or self.has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    has_delete_permission = has_change_permission

    def get_urls(self) -> list[URLPattern]:
        """With the address of an upload's errors."""
        errors = self.admin_site.admin_view(self.errors_view, cacheable=True)
        return [path("<path:object_id>/errors/", errors, name="usage_upload_errors"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Take a file, and go to its page."""
        administrator = request.user
        if not isinstance(administrator, Administrator) or not self.has_add_permission(request):
            raise PermissionDenied
        initial = {name: request.GET.get(name) for name in ("account", "kind")}  # as the page before asks for it
        form = UploadForm(request.POST or None, request.FILES or None, initial=initial, administrator=administrator)
        upload = self._received(form, administrator)
        if upload is not None:
            self.log_addition(request, upload, [{"added": {}}])
            return HttpResponseRedirect(reverse("admin:usage_upload_change", args=[upload.pk]))
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": "Upload usage" if platform_staff(request) is None else "Upload data",
            "opts": self.opts,
            "form": form,
            "form_url": form_url,
        }
        return TemplateResponse(request, "admin/usage/upload/add.html", context)

    def _received(self, form: UploadForm, administrator: Administrator) -> Upload | None:
        if not form.is_valid():
            return None
        answers = form.cleaned_data
        try:
            return receive_upload(
                administrator=administrator,
                kind=UploadKind(answers["kind"]),
                account=answers["account"],
                file=answers["file"],
                creates_users=answers["creates_users"],
            )
        except ValidationError as error:
            form.add_error(None, error)
            return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What became of a file; reloads itself until that is known."""
        upload = self._visible(request, object_id)
        if request.method == "POST":
            return self._decide(request, upload)
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": upload.file_name,
            "opts": self.opts,
            "form_url": form_url,
            "upload": upload,
            "errors": _first_errors(upload),
            "has_add_permission": self.has_add_permission(request),
        }
        return TemplateResponse(request, "admin/usage/upload/upload.html", context)

    def _decide(self, request: HttpRequest, upload: Upload) -> HttpResponse:
        """What the person asks for with one of the buttons; a sentence where it cannot be done."""
        administrator = request.user
        decision = _DECISIONS.get(request.POST.get("decision", ""))
        if not isinstance(administrator, Administrator) or decision is None:
            raise PermissionDenied
        try:
            decision(upload, administrator)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(reverse("admin:usage_upload_change", args=[upload.pk]))

    def errors_view(self, request: HttpRequest, object_id: str) -> FileResponse:
        """Every error of an upload: a CSV of line, column, value and reason."""
        upload = self._visible(request, object_id)
        try:
            if not upload.errors_file:
                raise Http404
            file = upload.errors_file.open("rb")
        except FileNotFoundError as error:
            raise Http404 from error
        name = f"{PurePath(upload.file_name).stem}.errors.csv"
        response = FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
        response["Cache-Control"] = "private, no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response

    def _visible(self, request: HttpRequest, object_id: str) -> Upload:
        upload = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return upload  # type: ignore[no-any-return]  # the model of this admin


def _first_errors(upload: Upload) -> Sequence[dict[str, str]]:
    """The first rows of the errors file; none when there is no file, or no longer."""
    if not upload.errors_file:
        return []
    try:
        with upload.errors_file.open("rb") as file:
            rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
            return list(islice(rows, ERRORS_SHOWN))
    except FileNotFoundError:
        return []
