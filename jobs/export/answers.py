"""JSON columns of the views: read once, shown in one form, parts taken out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from jobs.spec import ExtractTask, FieldSpec, Spec

MEMO_ROWS: Final = 4_096
MEMO_CHARS: Final = 256
encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def order_of(spec: Spec) -> Mapping[str, tuple[str, ...]]:
    """Return the order of keys of each JSON column, as far as the spec says one."""
    task = spec.task
    fields = _names(task.fields) if isinstance(task, ExtractTask) else ()
    return {
        **dict.fromkeys(("output", "suggested_output", "fields"), fields),
        "attributes": spec.input.keep,
    }


def _names(fields: Iterable[FieldSpec]) -> tuple[str, ...]:
    """Return the names of fields, then those of the fields of records."""
    fields = tuple(fields)
    inner = [name for field in fields for name in _names(field.fields)]
    return tuple(dict.fromkeys([*(field.name for field in fields), *inner]))


def order_keys(value: Any, names: tuple[str, ...] = ()) -> Any:
    """Return JSON with its keys in one order: first those of `names`, then short ones first.

    PostgreSQL's JSONB keeps keys in the latter order whatever was stored, so both databases
    show the same.
    """
    if isinstance(value, list):
        return [order_keys(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    found = ((key, value[key]) for key in _order(tuple(value), names))
    return {
        key: order_keys(item, names) if isinstance(item, dict | list) else item
        for key, item in found
    }


@lru_cache(maxsize=1_024)
def _order(keys: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    places = {name: place for place, name in enumerate(names)}
    last = len(places)
    return tuple(sorted(keys, key=lambda key: (places.get(key, last), len(key.encode()), key)))


class JsonColumn:
    """One JSON column of a batch; texts that come again are not read again."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._names = names
        self._seen: dict[str, tuple[Any, str]] = {}

    def read(self, cells: Sequence[str | None]) -> list[tuple[Any, str | None]]:
        """Return each cell's value and the text it is shown as; None is none of both."""
        seen = self._seen
        return [
            (None, None) if cell is None else seen.get(cell) or self._read(cell) for cell in cells
        ]

    def _read(self, cell: str) -> tuple[Any, str]:
        value = order_keys(json.loads(cell), self._names)
        read = value, encode(value)
        if len(cell) <= MEMO_CHARS:
            if len(self._seen) >= MEMO_ROWS:
                self._seen.clear()
            self._seen[cell] = read
        return read


def take(values: Sequence[Any], path: Sequence[str]) -> list[Any]:
    """Return what `path` leads to in each value; None where it leads nowhere."""
    found = list(values)
    for name in path:
        found = [value.get(name) if isinstance(value, dict) else None for value in found]
    return found
