"""The addresses under Account settings: part of the admin, and for those signed in alone."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from reports.screens.api_tokens import views as api_tokens
from reports.screens.comparisons import views as comparisons
from reports.screens.reports import details, download
from reports.screens.reports import views as reports
from reports.screens.subscriptions import rows
from reports.screens.subscriptions import views as subscriptions
from reports.screens.webhooks import changes
from reports.screens.webhooks import views as webhooks

app_name = "account_settings"

inside = admin.site.admin_view

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="account_settings:subscriptions"), name="index"),
    path("subscriptions/", inside(subscriptions.subscriptions), name="subscriptions"),
    path("subscriptions/<int:pk>/", inside(subscriptions.subscription), name="subscription"),
    path("subscriptions/<int:pk>/rows/<slug:report_type>/", inside(rows.rows), name="rows"),
    path("subscriptions/<int:pk>/missing-rates/", inside(rows.missing), name="missing-rates"),
    path(
        "subscriptions/<int:pk>/download-usage-report/",
        inside(download.download_usage_report),
        name="download-usage-report",
    ),
    path("subscriptions/<int:pk>/download-usage-report/progress/", inside(download.progress), name="progress"),
    path("reports/", inside(reports.report_jobs), name="report-jobs"),
    path("reports/<uuid:pk>/", inside(details.report_job), name="report-job"),
    # These say themselves how their answers may be cached.
    path("reports/<uuid:pk>/file/", inside(reports.report_job_file, cacheable=True), name="report-job-file"),
    path(
        "reports/<uuid:pk>/manifest/",
        inside(details.report_job_manifest, cacheable=True),
        name="report-job-manifest",
    ),
    path("reports/<uuid:pk>/cancel/", inside(reports.report_job_cancel), name="report-job-cancel"),
    path("reports/<uuid:pk>/again/", inside(reports.report_job_again), name="report-job-again"),
    path("reports/<uuid:pk>/compare/", inside(comparisons.compare), name="report-job-compare"),
    # It says itself how its answer may be cached.
    path("comparisons/<uuid:pk>/file/", inside(comparisons.comparison_file, cacheable=True), name="comparison-file"),
    path("comparisons/<uuid:pk>/progress/", inside(comparisons.comparison_progress), name="comparison-progress"),
    path("comparisons/<uuid:pk>/cancel/", inside(comparisons.comparison_cancel), name="comparison-cancel"),
    path("api-tokens/", inside(api_tokens.api_tokens), name="api-tokens"),
    path("api-tokens/new/", inside(api_tokens.api_token_new), name="api-token-new"),
    path("api-tokens/<int:pk>/revoke/", inside(api_tokens.api_token_revoke), name="api-token-revoke"),
    path("webhooks/", inside(webhooks.webhooks), name="webhooks"),
    path("webhooks/new/", inside(changes.webhook_new), name="webhook-new"),
    path("webhooks/<int:pk>/", inside(webhooks.webhook), name="webhook"),
    path("webhooks/<int:pk>/edit/", inside(changes.webhook_edit), name="webhook-edit"),
    path("webhooks/<int:pk>/rotate/", inside(changes.webhook_rotate), name="webhook-rotate"),
    path("webhooks/<int:pk>/test/", inside(changes.webhook_test), name="webhook-test"),
    path("webhooks/<int:pk>/disable/", inside(changes.webhook_disable), name="webhook-disable"),
    path("webhooks/<int:pk>/enable/", inside(changes.webhook_enable), name="webhook-enable"),
    path("webhooks/<int:pk>/delete/", inside(changes.webhook_delete), name="webhook-delete"),
    path("webhooks/deliveries/<int:pk>/", inside(webhooks.webhook_delivery), name="webhook-delivery"),
    path(
        "webhooks/deliveries/<int:pk>/again/",
        inside(changes.webhook_delivery_again),
        name="webhook-delivery-again",
    ),
]
