"""The application of the workers in these tests: the product's own, which also finds this folder's report types."""

from pathlib import Path

from config.celery import app
from reports import types

types.__path__.append(str(Path(__file__).with_name("report_types")))

__all__ = ["app"]
