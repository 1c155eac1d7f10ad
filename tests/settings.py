"""Settings of the tests: the real ones, with cheap passwords and plain static files."""

import os

from tests.homes import claim_home

claim_home()

from config.settings import *  # noqa: E402, F403 - the tests run on every setting of the product, in a home of their own

SECRET_KEY = "only-for-tests"
# Two lines for each request take a tenth of its time. Tests that are about lines say so.
LOGGING["root"]["level"] = "WARNING"  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
WHITENOISE_AUTOREFRESH = True  # or every client of a test would look at all static files before its first request
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# The processes of one run share the embedded Valkey, but not its databases.
if "REDIS_URL" not in os.environ:
    _number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    REDIS_URL = REDIS_URL.replace("?db=0", f"?db={_number}")  # noqa: F405
    CELERY_BROKER_URL = CELERY_BROKER_URL.replace("?virtual_host=0", f"?virtual_host={_number}")  # noqa: F405
# The threads of a live server leave nothing open that would keep the database from being removed.
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
# On a busy machine a Redis that is well answers late. Tests of one that is not have the fixture `impatient`.
if "TALLYDESK_TEST_IMPATIENT" not in os.environ:
    LIMITS_PATIENCE_SECONDS = 20.0
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 20.0, "socket_connect_timeout": 20.0}
# Tests that are about limits set them.
API_REQUESTS_PER_MINUTE_PER_TOKEN = API_REQUESTS_PER_MINUTE_PER_ACCOUNT = 1_000_000
REPORT_JOBS_WAITING_PER_TOKEN = REPORT_JOBS_WAITING_PER_ACCOUNT = 0
UPLOADS_WAITING_PER_ADMINISTRATOR = UPLOADS_WAITING_PER_ACCOUNT = 0
