"""The entry point of the API."""

from typing import Any

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api.base import ApiView
from reports.api.links import address, base_url_of
from reports.api.serializers.root import RootSerializer


class RootView(ApiView[Any]):
    """Links to everything else; open to every authenticated caller."""

    permission_classes = [IsAuthenticated]
    serializer_class = RootSerializer

    def get(self, request: Request) -> Response:
        base_url = base_url_of(request)
        names = {
            "subscriptions": "subscriptions",
            "report_types": "report-types",
            "report_jobs": "report-jobs",
            "schema": "schema",
            "documentation": "docs",
        }
        return Response({member: address(base_url, name) for member, name in names.items()})
