"""The yardstick of the API: its own addresses, and a bare view that inserts one row."""

import uuid

from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.models import Account
from reports.api.authentication import TokenAuthentication


class Bare(APIView):
    """Authenticates a token, inserts one row, and does nothing else."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    def post(self, _request: Request) -> Response:
        """Insert a row and return its number."""
        return Response({"id": Account.objects.create(code=f"bare-{uuid.uuid4()}", name="Bare").pk}, 201)


urlpatterns = [path("", include("config.urls")), path("bare/", Bare.as_view())]
