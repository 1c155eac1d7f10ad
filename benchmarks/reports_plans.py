"""The database's plan for a report's query, printed to find out why a report is slow."""

from psycopg import sql

from reports.engine.write import snapshot


def show_plan(title: str, statement: sql.Composable, *, runs: bool = False) -> None:
    """Print the plan under the settings of a report's transaction; with `runs`, execute it and count pages."""
    explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF)" if runs else "EXPLAIN"
    with snapshot() as connection, connection.cursor() as cursor:
        cursor.execute(f"{explain} {statement.as_string(cursor.connection)}")
        plan = "\n".join(f"    {line}" for (line,) in cursor.fetchall())
    print(f"{title}\n{plan}", flush=True)
