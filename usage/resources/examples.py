"""Describe the files of each kind for people: their columns in words, and template files."""

from typing import NamedTuple

from usage.models import UploadKind
from usage.resources import resource_of
from usage.resources.tables import WRITERS, Heading


class ColumnInWords(NamedTuple):
    """A column: its name in the header, its name in reports (or empty), and a description of its cells."""

    name: str
    also_called: str
    is_required: bool
    description: str
    example: str


# The first row of a template consists of the examples of its columns; further rows differ from it in these cells.
_FURTHER_ROWS: dict[UploadKind, list[dict[str, str]]] = {
    UploadKind.ACCOUNTS: [{"code": "EXAMPLE-2", "name": "Example Support"}],
    UploadKind.CHARGES: [
        {"name": "Example Hourly", "basis": "hourly"},
        {"name": "Example Device", "basis": "device"},
    ],
    UploadKind.RATES: [
        {"direction": "Inbound", "rate_per_minute": "0.0049"},
        {"usage_group": "UK-MOBILE", "usage_group_display": "United Kingdom, mobile", "rate_per_minute": "0.047"},
    ],
    UploadKind.SUBSCRIPTIONS: [
        {
            "number": "EXAMPLE-1002",
            "account": "EXAMPLE-2",
            "activation_date": "2026-01-15",
            "cycle_policy": "before_anniversary",
            "ended_on": "",
            "telco_commit_percent": "",
        },
    ],
    UploadKind.USERS: [
        {"email": "bo@example.com", "name": "Bo Lindqvist", "division": ""},
        {"account": "EXAMPLE-2", "email": "cy@example.com", "name": "", "division": "Support"},
    ],
    UploadKind.DEVICES: [{"device_id": "example-desk-2", "name": ""}],
    UploadKind.SESSIONS: [
        {
            "session_id": "example-session-2",
            "entity": "bo@example.com",
            "charge": "Example Hourly",
            "started_at": "2026-03-01T11:00:00+02:00",
            "billable": "false",
        },
        {
            "session_id": "example-session-3",
            "entity": "example-desk-1",
            "charge": "Example Device",
            "ended_at": "",
        },
    ],
    UploadKind.RESOURCES: [{"name": "Example Data Storage", "unit": "GB"}],
    UploadKind.RESOURCE_USAGE: [
        {"date": "2026-03-02", "quantity": "9"},
        {"resource": "Example Data Storage", "quantity": "0.5"},
    ],
    UploadKind.CALLS: [
        {
            "sip_call_id": "call-2@sip.example.com",
            "origin": "+14155550100",
            "destination": "+442079460100",
            "direction": "Inbound",
            "start_time": "2026-03-01T10:00:00Z",
            "end_time": "2026-03-01T10:12:30Z",
        },
    ],
}


def columns_of(kind: UploadKind) -> list[ColumnInWords]:
    """Return the columns of a kind, in the order of its templates and exports."""
    return [
        ColumnInWords(column.name, column.title, not column.optional, column.described, column.example)
        for column in resource_of(kind).columns
    ]


def natural_key(kind: UploadKind) -> list[str]:
    """Return the columns that identify a row; any `account` first, which may be chosen for the whole file instead."""
    return list(resource_of(kind)._meta.import_id_fields)


def example_file(kind: UploadKind, file_format: str, *, names_accounts: bool = True) -> bytes:
    """Return a small valid file (`csv` or `xlsx`); those of all kinds fit together, in the order of UploadKind.

    `names_accounts` says whether rows that belong to an account name it; a file of one account need not. Raise KeyError
    for another format.
    """
    columns = resource_of(kind).columns
    if kind.belongs_to_account and not names_accounts:
        columns = [column for column in columns if column.name != "account"]
    first = {column.name: column.example for column in columns}
    rows = [{**first, **further} for further in ({}, *_FURTHER_ROWS[kind])]
    headings = [Heading(column.name, column.widget.cell) for column in columns]
    return WRITERS[file_format](headings, [[row[name] for name in first] for row in rows])
