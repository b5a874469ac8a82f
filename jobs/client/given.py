"""What a caller may give: rows in several forms, a spec in several forms; and what is refused."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jobs.errors import SettingError
from jobs.spec import Spec, build_spec, parse_spec, read_spec

Rows = Iterable[Mapping[str, object]]
AnySpec = Spec | os.PathLike[str] | str | Mapping[str, Any]


def check_rows(rows: object, name: str) -> None:
    """Refuse what would be taken for rows though it is none, and names no list could show.

    One mapping, bytes and data frames can be iterated too, but what comes out are no rows.
    Raises SettingError.
    """
    no_rows = isinstance(rows, Mapping | bytes | bytearray) or hasattr(rows, "columns")
    if no_rows or not isinstance(rows, Iterable):
        raise SettingError("rows_wrong", kind=type(rows).__name__)
    if not name.strip() or not name.isprintable():
        raise SettingError("rows_name_wrong", name=ascii(name))


def check_limit(limit: int | None) -> None:
    """Refuse a limit that lets nothing in; raises SettingError."""
    if limit is not None and limit < 1:
        raise SettingError("limit_wrong", limit=limit)


def read_any_spec(spec: AnySpec) -> Spec:
    """Return a spec given as such, as tables, as TOML text (it has a line end), or by its path.

    Raises SpecError and NotBuiltError.
    """
    if isinstance(spec, Spec):
        return spec
    if isinstance(spec, Mapping):
        return build_spec(spec)
    if isinstance(spec, str) and "\n" in spec:
        return parse_spec(spec, "spec")
    return read_spec(Path(spec))
