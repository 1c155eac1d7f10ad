"""The report types: each module of this package that defines `REPORT_TYPE` is one. To add one, add a file."""

from reports.engine.registry import Registry
from reports.engine.report_type import ReportType

_registry: Registry[ReportType] = Registry(__name__, constant="REPORT_TYPE")

all_types = _registry.all
by_slug = _registry.by_slug
