"""Text on one line of a terminal: what would break the line, or move the cursor, is written out."""

import unicodedata
from typing import Final

ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
HIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, halves of surrogate pairs, separators of lines and paragraphs."""
DIRECTIONS: Final = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""They turn the rest of a line around."""


def show_line(text: str) -> str:
    """Return a text with its line breaks and other controls as escapes; a backslash is doubled."""
    return "".join(map(_show_character, text))


def _show_character(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if unicodedata.category(character) in HIDDEN or character in DIRECTIONS:
        number = ord(character)
        return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
    return character
