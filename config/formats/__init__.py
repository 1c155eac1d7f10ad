"""How days and times read in the admin, by language."""
