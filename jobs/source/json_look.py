"""Looks at a JSON or JSONL file nobody has described yet: its paths and its first records."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from jobs.errors import SourceError
from jobs.source.content import open_text
from jobs.source.encoding import MARK, MARKING
from jobs.source.json_encoding import choose_json_encoding
from jobs.source.json_record import DECODER, is_deep
from jobs.source.json_scan import BrokenJson, Scanner, enter, read_elements
from jobs.source.jsonl import read_lines
from jobs.source.opening import unreadable
from jobs.source.split import PIECE_CHARS

LOOK_CHARS: Final = 1 << 20
"""A longer record is not looked at."""
PATH_DEPTH: Final = 4

Sample = tuple[tuple[str, ...], list[list[str]]]


def look_at_lines(path: Path, max_records: int) -> Sample:
    """Return the dotted paths of texts and numbers in the first lines, and what stands there."""
    encoding = choose_json_encoding(path)
    try:
        with open_text(path, encoding, MARKING, newline="\n", softly=True) as text:
            return _sample(line.text for line in islice(read_lines(text, LOOK_CHARS), max_records))
    except OSError as error:
        raise unreadable(path, error) from error


def look_at_list(path: Path, max_records: int) -> tuple[str | None, tuple[str, ...], Any]:
    """Return where the list of records stands (None: the file is it), and the same of it.

    Raises SourceError: records_needed when there is no list of objects.
    """
    encoding = choose_json_encoding(path)
    try:
        with open_text(path, encoding, MARKING, softly=True) as text:
            scanner = Scanner(text)
            keys = () if scanner.peek() == "[" else find_list(scanner, ())
        if keys is None:
            raise SourceError("records_needed", file=str(path))
        with open_text(path, encoding, MARKING, softly=True) as text:
            scanner = Scanner(text)
            all(enter(scanner, key) for key in keys)
            scanner.expect("[")
            names, rows = _sample(islice(_elements(scanner), max_records))
    except OSError as error:
        raise unreadable(path, error) from error
    except BrokenJson as error:
        raise SourceError(error.code, file=str(path), record=0) from error
    return ".".join(keys) or None, names, rows


def find_list(scanner: Scanner, above: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the keys down to the first list of objects; None without one. Raises BrokenJson.

    Keys with a dot in them cannot stand in a dotted path and are passed over.
    """
    scanner.expect("{")
    while scanner.peek() == '"':
        name = scanner.read_value(PIECE_CHARS)
        scanner.expect(":")
        key = _parse(name.text)
        mark = scanner.peek()
        if not isinstance(key, str) or not key or "." in key or len(above) >= PATH_DEPTH:
            scanner.read_value(0)
        elif mark == "[":
            scanner.step()
            if scanner.peek() == "{":
                return (*above, key)
            for _ in read_elements(scanner, 0):
                pass
        elif mark == "{":
            found = find_list(scanner, (*above, key))
            if found:
                return found
        else:
            scanner.read_value(0)
        if scanner.peek() != ",":
            break
        scanner.step()
    scanner.expect("}")
    return None


def _elements(scanner: Scanner) -> Iterator[str]:
    """Yield the elements up to where the file breaks, if it does."""
    try:
        for element in read_elements(scanner, LOOK_CHARS):
            yield element.text
    except BrokenJson:
        return


def _sample(texts: Iterable[str]) -> Sample:
    records = [dict(_flatten(record)) for record in map(_parse, texts) if isinstance(record, dict)]
    names = tuple(dict.fromkeys(name for record in records for name in record))
    return names, [[record.get(name, "") for name in names] for record in records]


def _parse(text: str) -> Any:
    if MARK in text or is_deep(text):
        return None
    try:
        return DECODER.decode(text)
    except ValueError:
        return None


def _flatten(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            if name.count(".") < PATH_DEPTH:
                yield from _flatten(value, f"{name}.")
        elif value is None or isinstance(value, str):
            yield name, str(value or "")
