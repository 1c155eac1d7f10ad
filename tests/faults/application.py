"""The Celery application of the workers in these tests: the product's own, with the report types of this folder."""

from pathlib import Path

from config.celery import app
from reports import types

types.__path__.append(str(Path(__file__).with_name("report_types")))

__all__ = ["app"]
