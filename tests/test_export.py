"""Export: what is read back is what stood in SQL, and no cell becomes a formula."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.export import BOM, FORMULA_STARTS, write_csv, write_file, write_jsonl

TIME = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def read_csv(lines: list[dict[str, Any]], columns: list[str]) -> list[list[str]]:
    """Write lines as CSV and read them back."""
    stream = io.StringIO(newline="")
    assert write_csv(lines, columns, stream) == len(lines)
    return list(csv.reader(io.StringIO(stream.getvalue(), newline=""), strict=True))


def unmark(cell: str) -> str:
    """Take the apostrophe away that guards a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA_STARTS) else cell


@given(st.lists(st.tuples(cells, cells), max_size=8))
def test_csv_is_read_back(rows: list[tuple[str, str]]) -> None:
    """Every cell comes back, line breaks, quotes and delimiters included, formulas marked."""
    header, *back = read_csv([{"a": a, "b": b} for a, b in rows], ["b", "a"])
    assert header == ["b", "a"]
    assert [[unmark(cell) for cell in line] for line in back] == [
        [unmark(b), unmark(a)] for a, b in rows
    ]


@given(cells)
def test_no_cell_is_a_formula(text: str) -> None:
    """No cell of text begins with a sign that a spreadsheet would calculate."""
    _, line = read_csv([{"a": text, "b": 1}], ["a", "b"])
    assert not line[0].startswith(FORMULA_STARTS)


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_formulas_are_marked(start: str) -> None:
    """Each dangerous sign gets an apostrophe before it."""
    assert read_csv([{"a": f"{start}1"}], ["a"])[1] == [f"'{start}1"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (-5, "-5"),
        (0, "0"),
        (True, "True"),
        (0.000000007, "0.000000007"),
        (-0.5, "-0.5"),
        (Decimal("0.0000000070"), "0.000000007"),
        (TIME, "2026-02-03T04:05:00+00:00"),
        ({"label": "返金"}, '{"label": "返金"}'),
        (["-a"], '["-a"]'),
    ],
)
def test_values_are_plain_cells(value: object, cell: str) -> None:
    """Numbers stay numbers without exponents, negative ones too; data is JSON."""
    assert read_csv([{"a": value}], ["a"])[1] == [cell]


def test_jsonl_keeps_the_values() -> None:
    """A line is one JSON object with the columns asked for, readable as it is."""
    stream = io.StringIO()
    line = {"a": "=返金\n", "b": {"x": None}, "c": TIME, "d": Decimal("0.5"), "e": 1}
    assert write_jsonl([line], ["e", "a", "b", "c", "d"], stream) == 1
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "返金" in text
    assert json.loads(text) == {
        "e": 1,
        "a": "=返金\n",
        "b": {"x": None},
        "c": "2026-02-03T04:05:00+00:00",
        "d": 0.5,
    }


def test_a_csv_file_begins_with_the_mark(tmp_path: Path) -> None:
    """Excel knows the file for UTF-8; JSONL has no mark."""
    path = tmp_path / "out.csv"
    assert write_file([{"a": "あ"}], ["a"], path, "csv") == 1
    assert path.read_bytes() == f"{BOM}a\r\nあ\r\n".encode()
    write_file([{"a": "あ"}], ["a"], tmp_path / "out.jsonl", "jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == '{"a": "あ"}\n'.encode()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """When lines end in an error the old file stands and nothing else is left."""
    path = tmp_path / "out.csv"
    path.write_text("old")

    def lines() -> Any:
        yield {"a": 1}
        raise KeyError

    with pytest.raises(KeyError):
        write_file(lines(), ["a"], path, "csv")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_ordinary_rights(tmp_path: Path) -> None:
    """Others may read the file as any file made by this user."""
    path, plain = tmp_path / "out.csv", tmp_path / "plain"
    plain.touch()
    write_file([], ["a"], path, "csv")
    assert path.stat().st_mode == plain.stat().st_mode
