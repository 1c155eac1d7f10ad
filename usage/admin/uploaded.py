"""Shows the upload that last wrote a row on its page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import Administrator
from billing.scoped_admin import ScopedAdmin
from ui.formatting import day_text
from usage.models import Upload

_FIELD = "last_written_by"


class UploadedModelAdmin(ScopedAdmin):
    """Adds the last upload to the page of an uploaded model, for viewers who may see that upload."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the read-only fields, with the last upload if visible."""
        fields = list(super().get_readonly_fields(request, obj))
        return [*fields, _FIELD] if self._tells_of_upload(request, obj) else fields

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the fields with the last upload at the end, also where fields are listed explicitly."""
        fields = [field for field in super().get_fields(request, obj) if field != _FIELD]
        return [*fields, _FIELD] if self._tells_of_upload(request, obj) else fields

    @admin.display(description="last written by")
    def last_written_by(self, obj: Any) -> SafeString:
        """A link to the upload."""
        upload = obj.last_upload
        address = reverse("admin:usage_upload_change", args=[upload.pk])
        return format_html('<a href="{}">{}</a>, {}', address, upload, day_text(upload.uploaded_at.date()))

    def _tells_of_upload(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None or obj.upload_id is None:
            return False
        if not hasattr(obj, "last_upload"):
            obj.last_upload = self._last_upload(request, obj)
        return obj.last_upload is not None

    def _last_upload(self, request: HttpRequest, obj: Any) -> Upload | None:
        administrator = request.user
        sees_uploads = self.admin_site.get_model_admin(Upload).has_view_permission(request)
        if not isinstance(administrator, Administrator) or not sees_uploads:
            return None
        return Upload.objects.visible_to(administrator).filter(pk=obj.upload_id).first()
