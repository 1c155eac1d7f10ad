"""A file's rows in tables of the database: copied, checked, previewed, applied, and journalled for an undo."""
