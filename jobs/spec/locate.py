"""Finds the line of a key in a TOML text, since tomllib forgets where things stood."""

import re
from typing import Final

TABLE: Final = re.compile(r"^\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
KEY: Final = re.compile(r"""^\s*("[^"]+"|'[^']+'|[A-Za-z0-9_.-]+)\s*=""")


def find_line(text: str, path: tuple[str, ...]) -> int:
    """Return the 1-based line where the key at `path` stands.

    A key that is not there (missing) gives the line of its nearest table, else 1. Numbers in
    the path (items of a list) lead to the list's own key.
    """
    named = tuple(part for part in path if not part.isdigit())
    while named:
        line = _line_of(text, named)
        if line is not None:
            return line
        named = named[:-1]
    return 1


def _line_of(text: str, path: tuple[str, ...]) -> int | None:
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        opened = TABLE.match(line)
        if opened:
            table = tuple(part.strip().strip("\"'") for part in opened[1].split("."))
            if table == path:
                return number
            continue
        assigned = KEY.match(line)
        if assigned:
            key = tuple(part.strip("\"'") for part in assigned[1].split("."))
            if table + key == path:
                return number
    return None
