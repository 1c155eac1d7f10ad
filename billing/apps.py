"""The application for contracts and people."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Holds who is billed and for what."""

    name = "billing"
    verbose_name = "Billing"
