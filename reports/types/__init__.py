"""The report types: each module of this package that defines `REPORT_TYPE` is one. A new one is one new file."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from reports.engine.report_type import ReportType


@cache
def all_types() -> tuple[ReportType, ...]:
    """Every report type, in the order in which lists show them."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    types: list[ReportType] = [module.REPORT_TYPE for module in modules]
    return tuple(sorted(types, key=lambda report_type: (report_type.place, report_type.title)))


def by_slug(slug: str) -> ReportType:
    """The report type with this slug; a KeyError when there is none."""
    return {report_type.slug: report_type for report_type in all_types()}[slug]
