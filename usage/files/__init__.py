"""From bytes to rows of text: CSV and XLSX, and what is wrong with them. Knows neither Django nor the database."""
