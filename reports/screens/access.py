"""Access to the screens: objects of other accounts do not exist, visible ones need the permission."""

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
    if not isinstance(request.user, Administrator):
        raise PermissionDenied
    return request.user


def permitted_administrator(request: HttpRequest) -> Administrator:
    """Return the signed-in administrator if one of the three permissions opens the screens to them."""
    administrator = administrator_of(request)
    if not administrator.may_report:
        raise PermissionDenied(NEEDED)
    return administrator


def subscription_or_404(request: HttpRequest, pk: int) -> Subscription:
    """Return a subscription of a visible account. Raises Http404, then PermissionDenied."""
    visible = Subscription.objects.visible_to(administrator_of(request)).select_related("account")
    subscription: Subscription = get_object_or_404(visible, pk=pk)
    permitted_administrator(request)
    return subscription


def report_job_or_404(request: HttpRequest, pk: uuid.UUID) -> ReportJob:
    """Return a report job of a visible account. Raises Http404, then PermissionDenied."""
    visible = ReportJob.objects.visible_to(administrator_of(request)).select_related("subscription__account")
    job: ReportJob = get_object_or_404(visible, pk=pk)
    permitted_administrator(request)
    return job


def comparison_or_404(request: HttpRequest, pk: uuid.UUID) -> Comparison:
    """Return a comparison of a visible account. Raises Http404, then PermissionDenied."""
    visible = Comparison.objects.visible_to(administrator_of(request)).select_related("subscription", "after", "before")
    comparison: Comparison = get_object_or_404(visible, pk=pk)
    permitted_administrator(request)
    return comparison


def screen(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> TemplateResponse:
    """Render a page inside the admin's frame."""
    request.current_app = admin.site.name
    return TemplateResponse(
        request, f"account_settings/{template}", {**admin.site.each_context(request), **context}, status=status
    )
