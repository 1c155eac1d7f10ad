"""Who asks, for what they may see: another account's is missing, one's own without the permission is refused."""

import uuid
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from billing.models import Administrator, Subscription
from reports.models import Comparison, ReportJob
from reports.orders.enqueue import NEEDED


def administrator_of(request: HttpRequest) -> Administrator:
    """The administrator who is signed in."""
    if not isinstance(request.user, Administrator):
        raise PermissionDenied
    return request.user


def permitted_administrator(request: HttpRequest) -> Administrator:
    """The administrator who is signed in, if any of the three permissions opens the screens to them."""
    administrator = administrator_of(request)
    if not administrator.may_report:
        raise PermissionDenied(NEEDED)
    return administrator


def subscription_or_404(request: HttpRequest, pk: int) -> Subscription:
    """A subscription of a visible account. Raises Http404, then PermissionDenied."""
    visible = Subscription.objects.visible_to(administrator_of(request)).select_related("account")
    subscription: Subscription = get_object_or_404(visible, pk=pk)
    permitted_administrator(request)
    return subscription


def report_job_or_404(request: HttpRequest, pk: uuid.UUID) -> ReportJob:
    """A report job of a visible account. Raises Http404, then PermissionDenied."""
    visible = ReportJob.objects.visible_to(administrator_of(request)).select_related("subscription__account")
    job: ReportJob = get_object_or_404(visible, pk=pk)
    permitted_administrator(request)
    return job


def comparison_or_404(request: HttpRequest, pk: uuid.UUID) -> Comparison:
    """A comparison of a visible account. Raises Http404, then PermissionDenied."""
    visible = Comparison.objects.visible_to(administrator_of(request)).select_related("subscription", "after", "before")
    comparison: Comparison = get_object_or_404(visible, pk=pk)
    permitted_administrator(request)
    return comparison


def screen(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> TemplateResponse:
    """A page inside the admin's frame."""
    request.current_app = admin.site.name
    return TemplateResponse(
        request, f"account_settings/{template}", {**admin.site.each_context(request), **context}, status=status
    )
