"""What Django loads from this package: the Celery application, the commands, and the admin with our own site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps

from config.celery import app as celery_app

__all__ = ["AdminConfig", "ConfigConfig", "celery_app"]


class ConfigConfig(AppConfig):
    """Makes `celery_app` the application through which `shared_task` publishes, in every process."""

    name = "config"
    default = True


class AdminConfig(admin_apps.AdminConfig):
    """django.contrib.admin, with `ui.admin_site.AdminSite` as `admin.site`."""

    default_site = "ui.admin_site.AdminSite"
    default = False
