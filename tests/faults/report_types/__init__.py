"""Report types that only these workers know."""
