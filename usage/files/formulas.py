"""What a spreadsheet would run as a formula, and the apostrophe that keeps it text.

Writers of stored values (reports, exports) put one apostrophe before such a text, and before one that already has
apostrophes in front of it; uploads take one off again. So every text arrives as it was. The patterns mean the same to
Python and to PostgreSQL.
"""

import re

# Control characters, all spaces, soft hyphen, joiners, marks of direction, fillers, variation selectors, byte order
# marks, noncharacters and tags: a spreadsheet may drop what cannot be seen and run what follows.
_UNSEEN = (
    "\x01-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f\U000e0100-\U000e01ef"
)
# Each sign also in full width.
_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20\t\r-"
FORMULA = f"^'*[{_UNSEEN}]*[{_SIGNS}]"
PLAIN_NUMBER = "^'*[+-]?[0-9]+([.][0-9]+)?$"
"""Numbers and phone numbers, which are harmless: they get no apostrophe."""
_CANDIDATES = "".join(map(chr, (*range(0x10000), *range(0xE0000, 0xE0200))))
FIRST_OF_FEW = (0, *map(ord, re.findall(f"['{_UNSEEN}{_SIGNS}]", _CANDIDATES)))
"""Code points, as PostgreSQL's `ascii()` gives them (0: an empty text), of which a formula begins with one.

Looking the first character of a text up among them is a quick check, which nearly every text passes.
"""


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would run the text, apart from apostrophes in front of it."""
    return re.match(FORMULA, text) is not None and re.fullmatch(PLAIN_NUMBER, text) is None


def escape_formula(text: str) -> str:
    """Return a stored text as a cell for people: with one more apostrophe if it is a formula."""
    return f"'{text}" if is_formula(text) else text


def unescape_formula(cell: str) -> str:
    """Return the text of a cell that `escape_formula` wrote."""
    return cell[1:] if cell.startswith("'") and is_formula(cell) else cell


def guard_cell(cell: str) -> str:
    """Return a cell of an uploaded file so that no spreadsheet runs it, and an upload reads it as before."""
    return cell if cell.startswith("'") else escape_formula(cell)
