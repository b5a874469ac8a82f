"""Looking at a file nobody has described: its columns and where its list stands."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import SourceError
from jobs.source.look import look_at


def look_at_json(folder: Path, document: Any) -> tuple[str | None, dict[str, tuple[str, ...]]]:
    path = folder / "a.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    look = look_at(path)
    return look.records, {column.name: column.cells for column in look.columns}


def test_a_list_of_records(tmp_path: Path) -> None:
    """Texts and numbers are columns by their paths; lists and truth values are none."""
    records = [{"id": 1, "a": {"b": "x"}, "tags": [1], "ok": True}, 5, {"id": 2, "more": None}]
    found = look_at_json(tmp_path, records)
    assert found == (None, {"id": ("1", "2"), "a.b": ("x", ""), "more": ("", "")})


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"items": [{"id": 1}]}, "items"),
        (
            {"n": 1, "tags": ["x"], "s": "[{", "data": {"empty": {}, "items": [{"id": 1}]}},
            "data.items",
        ),
        ({"a.b": [{"no": 1}], "c": [{"id": 1}]}, "c"),
        ({"a": {"b": {"c": {"d": {"e": [{"id": 2}]}}}}, "f": [{"id": 1}]}, "f"),
    ],
)
def test_a_list_somewhere_inside(tmp_path: Path, document: Any, path: str) -> None:
    """The first list of objects that a dotted path can reach is found."""
    assert look_at_json(tmp_path, document) == (path, {"id": ("1",)})


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"a": [1, 2], "b": {}}, "records_needed"),
        ([], "header_missing"),
        ('{"a": [{"id": 1', "header_missing"),
        ('{"a": 1', "json_truncated"),
        ('{"a" 1}', "json_broken"),
        ('"text"', "json_broken"),
    ],
)
def test_no_list(tmp_path: Path, document: Any, code: str) -> None:
    """Where there is nothing to look at that is said."""
    with pytest.raises(SourceError) as caught:
        look_at_json(tmp_path, document)
    assert caught.value.code == code


def test_lines(tmp_path: Path) -> None:
    """Lines that are no records are passed over; only the first ones are looked at."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "t": {"x": "y"}}\n{"id"\n\n{"id": "b", "n": 1e3}\n{"late": 1}\n')
    look = look_at(path, max_records=4)
    assert [(column.name, column.cells) for column in look.columns] == [
        ("id", ("a", "b")),
        ("t.x", ("y", "")),
        ("n", ("", "1e3")),
    ]
