"""The addresses under Account settings: part of the admin, and for those signed in alone."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from reports.screens import api_tokens, download, report_jobs, rows, subscriptions

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
    path("reports/", inside(report_jobs.report_jobs), name="report-jobs"),
    # The view says itself how its answer may be cached.
    path("reports/<uuid:pk>/file/", inside(report_jobs.report_job_file, cacheable=True), name="report-job-file"),
    path("reports/<uuid:pk>/cancel/", inside(report_jobs.report_job_cancel), name="report-job-cancel"),
    path("reports/<uuid:pk>/again/", inside(report_jobs.report_job_again), name="report-job-again"),
    path("api-tokens/", inside(api_tokens.api_tokens), name="api-tokens"),
    path("api-tokens/new/", inside(api_tokens.api_token_new), name="api-token-new"),
    path("api-tokens/<int:pk>/revoke/", inside(api_tokens.api_token_revoke), name="api-token-revoke"),
]
