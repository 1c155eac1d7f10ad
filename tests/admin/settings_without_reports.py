"""The settings of the tests for a site without `reports`: without its tables, its addresses and its API."""

from tests.settings import *  # noqa: F403 - all of them except these two

INSTALLED_APPS = [name for name in INSTALLED_APPS if name != "reports"]  # noqa: F405
ROOT_URLCONF = "tests.admin.urls_without_reports"
