"""How the database answers the question of a report, printed for who wants to know why it takes so long."""

from psycopg import sql

from reports.engine.write import snapshot


def show_plan(title: str, statement: sql.Composable, *, runs: bool = False) -> None:
    """Print the plan as a report's transaction has it; with `runs` it is carried out, and the pages are counted."""
    explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF)" if runs else "EXPLAIN"
    with snapshot() as connection, connection.cursor() as cursor:
        cursor.execute(f"{explain} {statement.as_string(cursor.connection)}")
        plan = "\n".join(f"    {line}" for (line,) in cursor.fetchall())
    print(f"{title}\n{plan}", flush=True)
