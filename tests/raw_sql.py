"""Statements in raw SQL that the database refuses."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction


def refused(statement: str, *values: Any) -> str:
    """Return the database's refusal of a statement, keys that are checked at the end of the transaction included."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            assert cursor.rowcount == 1
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as refusal:
        return str(refusal)
    pytest.fail("The database took it.")


def update(row: Any, **columns: Any) -> str:
    """Return the refusal of an UPDATE of one row by raw SQL."""
    assignments = ", ".join(f"{column} = %s" for column in columns)
    return refused(f"UPDATE {row._meta.db_table} SET {assignments} WHERE id = %s", *columns.values(), row.pk)
