"""Invisible characters: trimmed from both ends of codes, numbers and names, and refused inside."""

import re

# What Python's str.strip() and spreadsheets treat as space, including no-break and wide spaces.
SPACES = "".join(filter(str.isspace, map(chr, range(1, 0x3001)))) + "\ufeff"
# Control characters, soft hyphens, marks of writing direction, joiners, fillers. Copied text carries them along.
_RANGES = (
    (0x01, 0x1F), (0xAD, 0xAD), (0x61C, 0x61C), (0x115F, 0x1160), (0x180E, 0x180E), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
)  # fmt: skip
INVISIBLE = "".join(
    sorted({*SPACES, *(chr(code) for first, last in _RANGES for code in range(first, last + 1))}),
)
_ODD = re.compile(f"[{re.escape(INVISIBLE.replace(' ', ''))}]")


def trimmed(identifier: str) -> str:
    """Return an identifier without the invisible characters at both ends."""
    return identifier.strip(INVISIBLE)


def odd_character(identifier: str) -> str:
    """Return the first invisible character of an identifier, such as `U+200B`; empty if there is only U+0020."""
    found = _ODD.search(identifier)
    return f"U+{ord(found[0]):04X}" if found else ""
