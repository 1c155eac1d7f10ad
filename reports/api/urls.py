"""URL patterns of the API, under /api/."""

from django.urls import URLPattern, URLResolver, path, re_path

from reports.api.views import files, report_jobs, report_types, schema, subscriptions
from reports.api.views.missing import missing
from reports.api.views.root import RootView

app_name = "api"

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", schema.SchemaView.as_view(), name="schema"),
    path("docs/", schema.documentation, name="docs"),
    path("v1/", RootView.as_view(), name="root"),
    path("v1/subscriptions/", subscriptions.SubscriptionsView.as_view(), name="subscriptions"),
    path("v1/subscriptions/<int:id>/", subscriptions.SubscriptionView.as_view(), name="subscription"),
    path("v1/report-types/", report_types.ReportTypesView.as_view(), name="report-types"),
    path("v1/report-types/<slug:slug>/", report_types.ReportTypeView.as_view(), name="report-type"),
    path("v1/report-jobs/", report_jobs.ReportJobsView.as_view(), name="report-jobs"),
    path("v1/report-jobs/<uuid:id>/", report_jobs.ReportJobView.as_view(), name="report-job"),
    path("v1/report-jobs/<uuid:id>/cancel/", report_jobs.ReportJobCancelView.as_view(), name="report-job-cancel"),
    path("v1/report-jobs/<uuid:id>/file/", files.ReportFileView.as_view(), name="report-job-file"),
    path("v1/report-jobs/<uuid:id>/manifest/", files.ManifestView.as_view(), name="report-job-manifest"),
    # Must come last, because it matches everything.
    re_path("", missing, name="missing"),
]
