"""The page that says what undoing an upload will do, and what speaks against it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from usage.admin.uploads.permissions import UploadSight, may_decide
from usage.models import Upload, UploadStatus
from usage.undo import undo_upload
from usage.uploads import decide


class UploadUndo(UploadSight):
    """For whoever may upload such files."""

    def get_urls(self) -> list[URLPattern]:
        """With the address of the page."""
        undo = self.admin_site.admin_view(self.undo_view)
        return [path("<path:object_id>/undo/", undo, name="usage_upload_undo"), *super().get_urls()]

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What will happen; posted, it does, unless something speaks against it by then."""
        upload, administrator = self.visible_upload(request, object_id), self.viewer(request)
        if not may_decide(administrator, upload):
            raise PermissionDenied
        if request.method == "POST":
            try:
                decide.undo(upload, administrator)
            except ValidationError as error:
                messages.error(request, " ".join(["It is not undone.", *error.messages]))
            return HttpResponseRedirect(reverse("admin:usage_upload_change", args=[upload.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": "Undo",
            "opts": self.opts,
            "upload": upload,
            "plan": _plan(upload),
        }
        return TemplateResponse(request, "admin/usage/upload/undo.html", context)


def _plan(upload: Upload) -> undo_upload.UndoPlan:
    if upload.status != UploadStatus.APPLIED:
        return undo_upload.UndoPlan(blockers=[f"There is nothing to undo: the upload is {upload.status.label}."])
    return undo_upload.plan_at_once(upload)
