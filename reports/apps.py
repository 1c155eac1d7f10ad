"""The application of reports, their screens and API."""

from django.apps import AppConfig

from ui.navigation import Page, register_section


class ReportsConfig(AppConfig):
    """Answers drawn from billing and usage, as files."""

    name = "reports"
    verbose_name = "Account settings"

    def ready(self) -> None:
        """Put the screens into the sidebar; customers start on the first."""
        pages = [
            Page("Subscription", "account_settings:subscriptions", "subscription"),
            Page("Reports", "account_settings:report-jobs", "reports"),
            Page("API tokens", "account_settings:api-tokens", "key"),
            Page("Webhooks", "account_settings:webhooks", "webhook"),
        ]
        register_section("Account settings", pages, is_open_to=lambda administrator: administrator.may_report)
