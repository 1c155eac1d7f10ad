"""What Django loads of this package: the Celery application, the commands, the admin with a site of our own."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps

from config.celery import app as celery_app

__all__ = ["AdminConfig", "ConfigConfig", "celery_app"]


class ConfigConfig(AppConfig):
    """Loading it makes `celery_app` the application that `shared_task` publishes through, in every process."""

    name = "config"
    default = True


class AdminConfig(admin_apps.AdminConfig):
    """django.contrib.admin, with `ui.admin_site.AdminSite` as `admin.site`."""

    default_site = "ui.admin_site.AdminSite"
    default = False
