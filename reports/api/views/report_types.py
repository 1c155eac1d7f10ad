"""Views of the available report types."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from reports import types
from reports.api.base import ApiView
from reports.api.serializers.report_types import ReportTypeSerializer


class ReportTypesView(ApiView[Any]):
    """Lists report types, always on a single page."""

    serializer_class = ReportTypeSerializer

    def get(self, request: Request) -> Response:
        """Return all report types, in the order of the screens."""
        results = self.get_serializer(types.all_types(), many=True).data
        return Response({"next": None, "previous": None, "results": results})


class ReportTypeView(ApiView[Any]):
    serializer_class = ReportTypeSerializer

    def get(self, request: Request, slug: str) -> Response:
        try:
            report_type = types.by_slug(slug)
        except KeyError:
            raise Http404 from None
        self.check_object_permissions(request, report_type)
        return Response(self.get_serializer(report_type).data)
