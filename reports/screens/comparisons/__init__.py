"""Two runs of one report, compared."""
