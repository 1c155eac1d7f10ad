"""British English, save that a day is typed as uploads write it."""
