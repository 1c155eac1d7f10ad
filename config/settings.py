"""Settings, from environment variables. Without DATABASE_URL, they suit a single machine with embedded servers."""

import tomllib
from pathlib import Path
from typing import Any

import environ
from kombu import Queue

from config.api import REST_FRAMEWORK as REST_FRAMEWORK
from config.api import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from config.embedded import database_settings, home_folder, redis_url, secret_key
from config.monitoring.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
env = environ.Env()

# One machine, embedded PostgreSQL, plain HTTP on the loopback address: what `make demo` runs.
LOCAL = "DATABASE_URL" not in env.ENVIRON
HTTPS = env.bool("HTTPS", default=not LOCAL)
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret_key() if LOCAL and "SECRET_KEY" not in env.ENVIRON else env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Links in e-mails begin with this, never with the host that a request names. The port is that of `make demo`.
_SITE = f"127.0.0.1:{env.int('PORT', default=8000)}" if LOCAL else ALLOWED_HOSTS[0].lstrip(".")
SITE_URL = env.str("SITE_URL", default=f"{'https' if HTTPS else 'http'}://{_SITE}")

INSTALLED_APPS = [
    "config",
    "demo",
    "reports",
    "usage",
    "ui",
    "billing",
    "jobs",
    "import_export",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_structlog",
    "csp",
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    # For its templates, which FORM_RENDERER finds among those of the applications.
    "django.forms",
]
MIDDLEWARE = [
    "config.monitoring.health.answer_probes",
    "config.monitoring.request_metrics.count_requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.requests.refuse_nul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    # Who is signed in is known here. CsrfViewMiddleware reads the body later, right before the view.
    "config.requests.refuse_large_anonymous_bodies",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database: PostgreSQL 16 or newer, nothing else -------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {"default": database_settings() if LOCAL else env.db("DATABASE_URL")}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "billing.Administrator"
AUTHENTICATION_BACKENDS = ["billing.backends.PermissionBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
EMAIL_CONFIG = env.email("EMAIL_URL", default="consolemail://" if LOCAL else "smtp://localhost:25")
vars().update(EMAIL_CONFIG)
# A mail server that hangs must not hang the request that sends a link.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Tallydesk <tallydesk@localhost>")

# --- Language, time: UTC everywhere -----------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Files: private, served only through views ------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / "build" / "static"))()
FILES_ROOT = Path(env.str("FILES_ROOT", default=str(home_folder() / "files")))
_FOLDER = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {
        "location": FILES_ROOT,
        "base_url": None,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    },
}
# Credentials come from AWS's usual places, which include the machine's role.
_BUCKET = {
    "BACKEND": "jobs.object_storage.ObjectStorage",
    "OPTIONS": {
        "bucket_name": env.str("S3_BUCKET", default=""),
        "location": env.str("S3_FOLDER", default=""),
        "endpoint_url": env.str("S3_ENDPOINT_URL", default="") or None,
        "region_name": env.str("S3_REGION", default="") or None,
        "addressing_style": env.str("S3_ADDRESSING_STYLE", default="auto"),
    },
}
STORAGES: dict[str, dict[str, Any]] = {
    "default": _BUCKET if "S3_BUCKET" in env.ENVIRON else _FOLDER,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# A demo on one machine serves the applications' own static folders, without collectstatic.
WHITENOISE_USE_FINDERS = LOCAL
if LOCAL:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["config.upload_handlers.LimitedFileUploadHandler"]
# The largest file that can be sent to the site; 0 means no limit. The command line takes files of any size.
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", default=2_000_000_000)
DATA_UPLOAD_MAX_NUMBER_FILES = 1

# --- Workers ----------------------------------------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL") if "REDIS_URL" in env.ENVIRON else redis_url()
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
# A broker that hangs or is away delays a job, not the request that orders it, which spends two seconds on Redis at
# most. Throttling counts the request at most twice, with this time-out; then the message is tried on the open
# connection, and on a new one: three waits. A worker's own connection has no such time-outs: see celery.py.
LIMITS_PATIENCE_SECONDS = 0.4
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 0.4, "socket_connect_timeout": 0.4}
# After a failure, a process does not call the broker for this long.
BROKER_PAUSE_SECONDS = env.float("BROKER_PAUSE_SECONDS", default=5.0)
# More than a process has threads, so that no thread waits for a connection, and for the time-outs of its holder.
CELERY_BROKER_POOL_LIMIT = 100
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
# A worker waits for its broker for as long as it takes.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# No result backend: the job's row is the result. With a backend, enqueueing without Redis blocks for 19 seconds.
CELERY_TASK_IGNORE_RESULT = True
# Not `reject_on_worker_lost`, which reruns a task that kills its worker for ever. Lease and attempts limit that.
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
# Separate queues, so that reports and uploads do not wait for each other, nor the sweep for either.
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_TASK_QUEUES = [Queue("reports"), Queue("uploads"), Queue("webhooks"), Queue("maintenance")]
CELERY_TASK_ROUTES = {
    "reports.tasks.generate_report": {"queue": "reports"},
    "reports.tasks.compare_reports": {"queue": "reports"},
    "usage.tasks.take_step": {"queue": "uploads"},
    "reports.webhooks.tasks.deliver": {"queue": "webhooks"},
}
# A dead worker is noticed when its lease expires; then the sweep queues its job again, or fails it.
JOB_LEASE_SECONDS = env.float("JOB_LEASE_SECONDS", default=30.0)
JOB_HEARTBEAT_SECONDS = env.float("JOB_HEARTBEAT_SECONDS", default=5.0)
JOB_SWEEP_SECONDS = env.float("JOB_SWEEP_SECONDS", default=10.0)
JOB_REPUBLISH_SECONDS = env.float("JOB_REPUBLISH_SECONDS", default=30.0)
JOB_MAX_ATTEMPTS = env.int("JOB_MAX_ATTEMPTS", default=3)
REPORT_RETENTION_DAYS = env.int("REPORT_RETENTION_DAYS", default=30)
UPLOAD_RETENTION_DAYS = env.int("UPLOAD_RETENTION_DAYS", default=90)
UPLOAD_UNREADABLE_RETENTION_DAYS = env.int("UPLOAD_UNREADABLE_RETENTION_DAYS", default=7)
# Limits; 0 means none. Excess requests are refused, and so are jobs when too many wait. Excess running jobs wait.
API_REQUESTS_PER_MINUTE_PER_TOKEN = env.int("API_REQUESTS_PER_MINUTE_PER_TOKEN", default=300)
API_REQUESTS_PER_MINUTE_PER_ACCOUNT = env.int("API_REQUESTS_PER_MINUTE_PER_ACCOUNT", default=1200)
REPORT_JOBS_WAITING_PER_TOKEN = env.int("REPORT_JOBS_WAITING_PER_TOKEN", default=100)
REPORT_JOBS_WAITING_PER_ACCOUNT = env.int("REPORT_JOBS_WAITING_PER_ACCOUNT", default=200)
REPORT_JOBS_RUNNING_PER_ACCOUNT = env.int("REPORT_JOBS_RUNNING_PER_ACCOUNT", default=2)
UPLOADS_WAITING_PER_ADMINISTRATOR = env.int("UPLOADS_WAITING_PER_ADMINISTRATOR", default=100)
UPLOADS_WAITING_PER_ACCOUNT = env.int("UPLOADS_WAITING_PER_ACCOUNT", default=200)
# Webhooks: whether to allow loopback addresses, with plain http, for trials on one machine; a file of certificate
# authorities to trust besides the system's; how often to look for due retries and lost messages.
WEBHOOKS_ALLOW_LOOPBACK = env.bool("WEBHOOKS_ALLOW_LOOPBACK", default=False)
WEBHOOKS_CA_FILE = env.str("WEBHOOKS_CA_FILE", default="")
WEBHOOKS_SWEEP_SECONDS = env.float("WEBHOOKS_SWEEP_SECONDS", default=10.0)
# All idempotent, so a second scheduler does no harm. A message expires when the next one is due.
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "jobs.tasks.sweep",
        "schedule": JOB_SWEEP_SECONDS,
        "options": {"expires": JOB_SWEEP_SECONDS},
    },
    "expire-reports": {"task": "reports.tasks.expire_reports", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "forget-idempotency-keys": {
        "task": "reports.tasks.forget_idempotency_keys",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "collect-report-files": {
        "task": "reports.tasks.collect_left_over_files",
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
    "announce-to-webhooks": {
        "task": "reports.webhooks.tasks.announce",
        "schedule": WEBHOOKS_SWEEP_SECONDS,
        "options": {"expires": WEBHOOKS_SWEEP_SECONDS},
    },
    "collect-old-webhook-messages": {
        "task": "reports.webhooks.tasks.collect_old_messages",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "expire-uploads": {"task": "usage.tasks.expire_uploads", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "collect-left-overs-of-uploads": {
        "task": "usage.tasks.collect_left_overs",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
}

# --- Exports of the admin's lists -------------------------------------------------------------------------------------
# A web process writes them during the request, so longer lists must be filtered first.
ADMIN_EXPORT_ROWS = env.int("ADMIN_EXPORT_ROWS", default=50_000)
# Each admin sets its own; these are the fallback. Data is imported only by upload: the second permission does not
# exist, and the views that it guards have no address.
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "import"
IMPORT_FORMATS: list[type] = []
IMPORT_EXPORT_SKIP_ADMIN_EXPORT_UI = False
IMPORT_EXPORT_SKIP_ADMIN_ACTION_EXPORT_UI = False
IMPORT_EXPORT_SKIP_ADMIN_CONFIRM = False
# The package removes one `=` and leaves the rest of the formula. Ours adds an apostrophe, which uploads remove.
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = False

# --- The web server ---------------------------------------------------------------------------------------------------
# Threads in each process. Half of them may hold requests that wait for a job: see reports/api/polling.py.
WEB_THREADS = env.int("WEB_THREADS", default=4)

# --- Metrics: on a port of their own, next to the web server's in `make demo` -----------------------------------------
METRICS_ADDRESS = env.str("METRICS_ADDRESS", default="127.0.0.1")
METRICS_PORT = env.int("METRICS_PORT", default=1000 + (env.int("PORT", default=8000) if LOCAL else 8000))

# --- Logs -------------------------------------------------------------------------------------------------------------
LOGGING = logging_settings(
    as_json=env.str("LOG_FORMAT", default="text") == "json", level=env.str("LOG_LEVEL", default="INFO")
)
DJANGO_STRUCTLOG_CELERY_ENABLED = True

# --- Security ---------------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    },
}
