"""Settings of the tests: the real ones, with cheap passwords and plain static files."""

import os

from tests.homes import claim_home

claim_home()

from config.settings import *  # noqa: E402, F403 - the tests run on every setting of the product, in a home of their own

SECRET_KEY = "only-for-tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# The threads of a live server leave nothing open that would keep the database from being removed.
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
# On a busy machine a Redis that is well answers late. Tests of one that is not have the fixture `impatient`.
if "TALLYDESK_TEST_IMPATIENT" not in os.environ:
    LIMITS_PATIENCE_SECONDS = 20.0
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 20.0, "socket_connect_timeout": 20.0}
# Tests that are about limits set them.
API_REQUESTS_PER_MINUTE_PER_TOKEN = API_REQUESTS_PER_MINUTE_PER_ACCOUNT = 1_000_000
REPORT_JOBS_WAITING_PER_TOKEN = REPORT_JOBS_WAITING_PER_ACCOUNT = 0
