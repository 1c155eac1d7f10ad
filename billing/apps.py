"""The application of contracts and people."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Who is billed and for what."""

    name = "billing"
    verbose_name = "Billing"
