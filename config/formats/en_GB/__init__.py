"""British English, except that days are entered as in upload files."""
