"""Check that the database reads the quotation marks of a CSV file as a spreadsheet does."""

import re

from usage.files.csv_dialects import DELIMITERS

# No real row is longer; without a limit, one line could fill the memory.
MAX_ROW = 1_000_000


class NotPlainError(Exception):
    """The database would read the file differently from a spreadsheet, or not at all."""


class Quoting:
    """The check that every cell of a UTF-8 file is quoted either as a whole or not at all."""

    def __init__(self, delimiter: str) -> None:
        mark = re.escape(delimiter.encode())
        self.starts = (delimiter.encode(), b"\n", b"\r")
        # Everything through the last quoted cell, if each is well-formed. Nothing needs backtracking, but possessive
        # quantifiers match what they must not before Python 3.11.5.
        self.well_quoted = re.compile(rb'(?:[^"]*(?<![^%b\r\n])"[^"]*(?:""[^"]*)*"(?=[%b\r\n]))*' % (mark, mark))
        self.closed_too_early = re.compile(rb'"[^"]*(?:""[^"]*)*"[^"]')

    def unfinished(self, data: bytes) -> bytes:
        """Return the end of the data that cannot be judged before more is read: a quoted cell that may go on."""
        if b'"' not in data:
            return data[-1:]
        match = self.well_quoted.match(data)
        end = match.end() if match else 0
        opening = data.find(b'"', end)
        if opening < 0:
            return data[-1:]
        is_at_start = opening == 0 or data[opening - 1 : opening] in self.starts
        is_closed = self.closed_too_early.match(data, opening)
        if not is_at_start or is_closed or len(data) - opening > MAX_ROW:
            raise NotPlainError
        return data[max(opening - 1, 0) :]


QUOTING = {delimiter: Quoting(delimiter) for delimiter in DELIMITERS}
