"""Read CSV and XLSX files as rows of text, with their errors. Knows neither Django nor the database."""
