"""Uploads in the admin: the form that takes a file, the list, and a page that says what became of one."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import Administrator
from billing.scoped_admin import AccountFilter, platform_staff
from ui.formatting import duration_text, minute_text, number_text
from ui.http import wants_json
from usage.admin.uploads.cards import UploadCard, work_on
from usage.admin.uploads.files import UploadFiles
from usage.admin.uploads.forms import UploadForm, kinds_for
from usage.admin.uploads.kinds import UploadKinds
from usage.admin.uploads.permissions import may_decide
from usage.admin.uploads.undo import UploadUndo
from usage.models import Upload, UploadKind, UploadQuerySet, UploadStatus
from usage.resources import resource_of
from usage.uploads import decide

_DECISIONS: dict[str, Callable[[Upload, Administrator], object]] = {
    "apply": decide.confirm,
    "apply_without_errors": partial(decide.confirm, skips_errors=True),
    "check_again": decide.check_again,
    "discard": decide.discard,
    "stop": decide.stop,
}


class StatusFilter(admin.SimpleListFilter):
    """Where uploads stand, which no column of theirs says alone."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every status."""
        return [(str(value), str(label).capitalize()) for value, label in UploadStatus.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that stand there; nonsense is no filter."""
        value = self.value()
        if value not in UploadStatus.values or not isinstance(queryset, UploadQuerySet):
            return queryset
        return queryset.standing(UploadStatus(value))


@admin.register(Upload)
class UploadAdmin(UploadKinds, UploadFiles, UploadUndo):
    """Nothing of an upload is edited; it is made by a form of its own."""

    section = "Usage"
    icon = "upload"
    list_display = ["file_name", "standing", "data", "sent", "total", "in_error", "duration"]
    list_filter: ClassVar[Any] = [StatusFilter, "kind", ("account", AccountFilter)]
    sortable_by: ClassVar[Any] = []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """An upload and its latest step as they are at one moment; and all steps of a list in one query."""
        uploads = super().get_queryset(request).select_related("account", "uploaded_by", "latest_step")
        return uploads.prefetch_related("steps").defer("preview")

    @admin.display(description="kind and account")
    def data(self, upload: Upload) -> SafeString:
        """What it holds, and whose."""
        return _two_lines(upload.get_kind_display(), upload.account or "")

    @admin.display(description="uploaded")
    def sent(self, upload: Upload) -> SafeString:
        """When the file came, to the minute and without the year when it is this one; and from whom."""
        at = upload.uploaded_at
        moment = minute_text(at, year=at.year != timezone.now().year)
        return _two_lines(moment, upload.uploaded_by or "command line")

    @admin.display(description="rows", empty_value="")
    def total(self, upload: Upload) -> str:
        """Its rows."""
        return "" if upload.rows is None else number_text(upload.rows)

    @admin.display(description="in error", empty_value="")
    def in_error(self, upload: Upload) -> str:
        """Those in error."""
        return number_text(upload.rows_in_error) if upload.rows_in_error else ""

    @admin.display(description="status")
    def standing(self, upload: Upload) -> SafeString:
        """Where it stands."""
        return format_html('<span class="state {}">{}</span>', upload.status.value, upload.status.label)

    @admin.display(description="duration", empty_value="")
    def duration(self, upload: Upload) -> str:
        """For how long workers had it."""
        took = work_on(upload)
        return "" if took is None else duration_text(took)

    def get_urls(self) -> list[URLPattern]:
        """With the address that says how far an upload is."""
        progress = self.admin_site.admin_view(self.progress_view)
        return [path("<path:object_id>/progress/", progress, name="usage_upload_progress"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Take a file, and go to its page; a script is told where that is (201), or what is wrong (422)."""
        administrator = self.viewer(request)
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = {
            "account": request.GET.get("account"),  # as the page before asks for it
            "kind": request.GET.get("kind") or _latest_kind(administrator),
        }
        form = UploadForm(request.POST or None, request.FILES or None, initial=initial, administrator=administrator)
        upload = form.received()
        if upload is not None:
            self.log_addition(request, upload, [{"added": {}}])
            address = reverse("admin:usage_upload_change", args=[upload.pk])
            return JsonResponse({"address": address}, status=201) if wants_json(request) else _to(address)
        if request.method == "POST" and wants_json(request):
            return JsonResponse({"errors": form.errors}, status=422)
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": "Upload usage" if platform_staff(request) is None else "Upload data",
            "opts": self.opts,
            "form": form,
            "form_url": form_url,
            "kinds": kinds_for(administrator),
        }
        return TemplateResponse(request, "admin/usage/upload/add.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What became of a file; reloads itself until that is known."""
        upload = self.visible_upload(request, object_id)
        if request.method == "POST":
            return self._decide(request, upload)
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            **self._shown(request, upload),
            "title": upload.file_name,
            "form_url": form_url,
        }
        return TemplateResponse(request, "admin/usage/upload/upload.html", context)

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """How far an upload is, as JSON; and what the page shows, where that is not what `stage` says it shows."""
        upload = self.visible_upload(request, object_id)
        shown = self._shown(request, upload)
        card: UploadCard = shown["card"]
        progress = card.progress
        answer: dict[str, Any] = {
            "stage": card.stage,
            "headline": card.headline,
            "isUnderWay": progress is not None,
            "progress": progress and {
                "text": progress.sentence, "done": progress.done, "expected": progress.expected,
                "isWaiting": progress.is_waiting,
            },
        }  # fmt: skip
        if request.GET.get("stage") != card.stage:
            answer["html"] = render_to_string("admin/usage/upload/_upload.html", shown, request=request)
        return JsonResponse(answer)

    def _shown(self, request: HttpRequest, upload: Upload) -> dict[str, Any]:
        administrator = self.viewer(request)
        same = Upload.objects.visible_to(administrator).same_file(upload).select_related("uploaded_by")
        card = UploadCard(upload, timezone.now(), may_decide(administrator, upload))
        return {
            "opts": self.opts,
            "upload": upload,
            "card": card,
            "same_file": same.first() if card.is_waiting_for_a_person else None,
            "rows_address": self._rows_address(request, upload) if upload.status == UploadStatus.APPLIED else "",
            "has_add_permission": self.has_add_permission(request),
        }

    def _rows_address(self, request: HttpRequest, upload: Upload) -> str:
        """The list of what such files hold, of the account alone; empty for who may not open it."""
        model = resource_of(UploadKind(upload.kind)).model
        if not self.admin_site.get_model_admin(model).has_view_permission(request):
            return ""
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        return f"{address}?account__id__exact={upload.account_id}" if upload.account_id else address

    def _decide(self, request: HttpRequest, upload: Upload) -> HttpResponse:
        """What the person asks for with one of the buttons; a sentence where it cannot be done."""
        decision = _DECISIONS.get(request.POST.get("decision", ""))
        if decision is None:
            raise PermissionDenied
        try:
            decision(upload, self.viewer(request))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return _to(reverse("admin:usage_upload_change", args=[upload.pk]))


def _latest_kind(administrator: Administrator) -> str | None:
    """Of the file that they uploaded last: often the next one is like it."""
    return Upload.objects.filter(uploaded_by=administrator).values_list("kind", flat=True).first()


def _two_lines(first: object, second: object) -> SafeString:
    return format_html('{} <span class="second">{}</span>', first, second)


def _to(address: str) -> HttpResponse:
    return HttpResponseRedirect(address)
