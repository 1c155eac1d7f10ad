"""Find the rows of a CSV file that hold nothing but delimiters and white space."""

import re

# White space in UTF-8: of ASCII, and no-break, wide and other spaces, the byte order mark among them.
_SPACE = (
    rb"[\t\x0b\x0c\x1c-\x1f ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"
    rb"|\xef\xbb\xbf"
)


def is_blank(row: str, delimiter: str) -> bool:
    """Return whether a row, as it stands in the file, consists of delimiters and white space."""
    return not row.replace(delimiter, "").replace("\ufeff", "").strip()


class BlankRows:
    """The search for blank rows in a UTF-8 file that arrives in chunks; lines without any character do not count."""

    def __init__(self, delimiter: str) -> None:
        blanks = rb"(?:%b|%b)+" % (re.escape(delimiter.encode()), _SPACE)
        self._row = re.compile(rb"[\r\n]%b[\r\n]" % blanks)
        self._last_line = re.compile(rb"[\r\n](?:%b)?\Z" % blanks)
        self._pending = b""

    def are_in(self, chunk: bytes) -> bool:
        """Return whether a blank row ends in the next chunk."""
        data = self._pending + chunk
        last = self._last_line.match(data, max(data.rfind(b"\n"), data.rfind(b"\r"), 0))
        self._pending = last[0] if last else b""
        return self._row.search(data) is not None

    def are_last(self) -> bool:
        """Return whether the file has ended in a blank row without a line end."""
        return len(self._pending) > 1
