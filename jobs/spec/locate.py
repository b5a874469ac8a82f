"""Finds the line of a key in a TOML text, since tomllib forgets where things stood."""

import re
from collections.abc import Iterator
from typing import Final

TABLE: Final = re.compile(r"^\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
NAME: Final = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
KEY: Final = re.compile(rf"^\s*({NAME}(?:\s*\.\s*{NAME})*)\s*=")
PART: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^."']+))\s*(?:\.|$)""")


def find_line(text: str, path: tuple[str, ...]) -> int:
    """Return the 1-based line where the key at `path` stands.

    A table that stands only in the names of others ([task.fields.a]) gives the first of them; a
    key that is not there (missing) the line of its nearest table, else 1. Numbers in the path
    (items of a list) lead to the list's own key.
    """
    named = tuple(part for part in path if not part.isdigit())
    while named:
        lines = [(at, key) for at, key in _keys(text) if key[: len(named)] == named]
        if lines:
            return next((at for at, key in lines if key == named), lines[0][0])
        named = named[:-1]
    return 1


def _keys(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield every line that opens a table or assigns a key, with its path."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        opened = TABLE.match(line)
        if opened:
            table = _split(opened[1])
            yield number, table
            continue
        assigned = KEY.match(line)
        if assigned:
            yield number, table + _split(assigned[1])


def _split(dotted: str) -> tuple[str, ...]:
    """Split a dotted key; a name in quotes may hold dots itself."""
    return tuple("".join(found).strip() for found in PART.findall(dotted))
