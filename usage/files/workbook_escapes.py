"""How workbooks write characters that XML cannot hold: `_x000D_` is a carriage return.

Text that looks like such an escape has its underscore escaped. xlsxwriter does the same but overlooks escapes that
overlap; calamine reads only the first 256 characters back.
"""

import re

_NOT_IN_XML = "\x00-\x08\x0b-\x1f\ufffe\uffff"
_UNSAFE = re.compile(f"[{_NOT_IN_XML}]")
# The underscore before what would be read as an escape; an escape that follows directly begins with the second one.
_LIKE_AN_ESCAPE = re.compile(f"_(?=x[0-9A-Fa-f]{{4}}[_{_NOT_IN_XML}])")
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


def escape_text(text: str) -> str:
    """Return the text as a workbook holds it, before XML's own escapes."""
    if "_x" in text:
        text = _LIKE_AN_ESCAPE.sub("_x005F_", text)
    return _UNSAFE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def unescape_text(text: str) -> str:
    """Return the text that a workbook's text stands for, halves of surrogate pairs left as they are written."""
    return _ESCAPE.sub(_character, text) if "_x" in text else text


def _character(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    return escape[0] if 0xD800 <= code < 0xE000 else chr(code)
