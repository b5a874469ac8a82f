"""JSONL: one object a line, each judged alone."""

import json
from pathlib import Path

import pytest

from jobs.source import InputShape, Reject, Row
from tests.source.reading import good, read_bytes, rejected


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "bad_json"),
        (b'{"id": "1", "text": "x",}', "bad_json"),
        (b'{"id": "1", "text": NaN}', "bad_json"),
        (b'{"id": "1", "text": "x", "n": Infinity}', "bad_json"),
        (b'{"id": "1", "text": "x", "n": -Infinity}', "bad_json"),
        (b'{"id": "1", "text": "a\tb"}', "bad_json"),
        (b'{"id": "1", "text": "a"} {}', "bad_json"),
        ("\u3000".encode(), "bad_json"),
        (b"[]", "not_an_object"),
        (b"1e400", "not_an_object"),
        (b'{"id": "1", "text": "\xff"}', "decode_error"),
    ],
)
def test_lines_that_say_nothing_sure(file: Path, line: bytes, reason: str) -> None:
    """A line that is no JSON object costs itself alone; its id is not believed."""
    records = read_bytes(file, b'{"id": "0", "text": "a"}\n' + line + b'\n{"id":"2","text":"b"}')
    assert good(records) == [("0", "a"), ("2", "b")]
    assert rejected(records) == [(2, None, reason)]


@pytest.mark.parametrize(
    ("line", "source_id", "reason"),
    [
        ('{"id": "1"}', "1", "missing_text"),
        ('{"id": "1", "text": null}', "1", "missing_text"),
        ('{"id": "1", "text": 5}', "1", "text_not_string"),
        ('{"id": "1", "text": true}', "1", "text_not_string"),
        ('{"id": "1", "text": {}}', "1", "text_not_string"),
        ('{"id": "1", "text": " \\u200b"}', "1", "empty_text"),
        ('{"id": "1", "text": "a\\u0000"}', "1", "nul_byte"),
        ('{"id": "1", "text": "\\ud83d"}', "1", "lone_surrogate"),
        ('{"id": "\\udcff", "text": "x"}', None, "lone_surrogate"),
        ('{"id": "1", "text": "a", "text": "b"}', "1", "duplicate_key"),
        ('{"id": "1", "id": "1", "text": "b"}', "1", "duplicate_key"),
        ('{"text": "x"}', None, "missing_id"),
        ('{"id": null, "text": "x"}', None, "missing_id"),
        ('{"id": " ", "text": "x"}', None, "missing_id"),
        ('{"id": [1], "text": "x"}', None, "id_not_string"),
        ('{"id": false, "text": "x"}', None, "id_not_string"),
        ('{"id": "1", "text": "' + "x" * 21 + '"}', "1", "text_too_long"),
        ('{"id": "' + "1" * 99_999 + '", "text": "x"}', None, "cell_too_long"),
    ],
)
def test_records_that_are_no_rows(
    file: Path, line: str, source_id: str | None, reason: str
) -> None:
    """Each has its reason and, where it is sure, its id."""
    shape = InputShape("id", "text", max_text_chars=20)
    assert rejected(read_bytes(file, line.encode(), shape)) == [(1, source_id, reason)]


def test_numbers_keep_their_digits(file: Path) -> None:
    """Ids that are numbers stand as written, however huge; nothing is rounded."""
    ids = ["1009", "-0", "1.50", "1E5", "9007199254740993", "9" * 2_000]
    lines = [f'{{"id": {number}, "text": "x", "n": {number}}}' for number in ids]
    shape = InputShape("id", "text", keep=("n",))
    found = [r for r in read_bytes(file, "\n".join(lines).encode(), shape) if isinstance(r, Row)]
    assert [row.source_id for row in found] == ids
    assert [dict(row.attributes)["n"] for row in found] == ids


def test_paths(file: Path) -> None:
    """A dotted path leads into objects; a key with that very name goes before."""
    shape = InputShape("a.id", ("b.c.text", "more"), keep=("tags", "a", "none", "is.it"))
    lines = [
        {"a": {"id": 7}, "b": {"c": {"text": "x"}}, "tags": ["p", {"n": 1}], "is": {"it": True}},
        {"a.id": "k", "a": {"id": "no"}, "b.c.text": "y", "more": "z", "tags": None},
        {"a": [{"id": "list"}], "more": "z"},
        {"a": {"id": "e"}, "b": {"c": []}},
    ]
    records = read_bytes(file, "\n".join(json.dumps(line) for line in lines).encode(), shape)
    first, second, *_ = records
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.source_id, first.text) == ("7", "b.c.text: x")
    kept = (("tags", '["p", {"n": 1}]'), ("a", '{"id": 7}'), ("none", ""), ("is.it", "true"))
    assert first.attributes == kept
    assert (second.source_id, second.text) == ("k", "b.c.text: y\nmore: z")
    assert rejected(records) == [(3, None, "missing_id"), (4, "e", "missing_text")]


def test_a_repeated_key_matters_only_on_the_way(file: Path) -> None:
    """A key that stands twice where nobody looks costs nothing."""
    shape = InputShape("a.id", "text")
    lines = [
        '{"a": {"id": 1, "x": 1, "x": 2}, "text": "t", "y": 1, "y": 2}',
        '{"a": {"id": 1, "id": 2}, "text": "t"}',
        '{"a": {"id": 1}, "a": {"id": 2}, "text": "t"}',
    ]
    records = read_bytes(file, "\n".join(lines).encode(), shape)
    assert good(records) == [("1", "t")]
    assert [reason for _, _, reason in rejected(records)] == ["duplicate_key"] * 2


@pytest.mark.parametrize("depth", [150, 5_000, 200_000])
def test_deep_nesting(file: Path, depth: int) -> None:
    """Depth ends no process; a record that is too deep is rejected, its id is still found."""
    deep = "[" * depth + "]" * depth
    lines = [
        f'{{"id": "a", "text": "x", "more": {deep}}}',
        f'{{"id": "b", "text": {deep}}}',
        f'{{"more": {deep}, "id": "c", "text": "x"}}',
    ]
    records = read_bytes(file, "\n".join(lines).encode())
    found = rejected(records)
    if depth == 150:
        assert found == [(2, "b", "text_not_string")]
        return
    assert found == [
        (1, "a", "json_too_deep"),
        (2, "b", "text_not_string"),
        (3, "c", "json_too_deep"),
    ]


def test_brackets_in_a_string_are_no_depth(file: Path) -> None:
    """A text of brackets and quotes is a text."""
    text = '[{"' * 5_000
    line = json.dumps({"id": "a", "text": text})
    assert good(read_bytes(file, line.encode())) == [("a", text)]


def test_lines(file: Path) -> None:
    """Only LF ends a line; CRLF is white space, blank lines are counted but no records."""
    content = '\ufeff{"id":"1","text":"a\u2028b"}\r\n\r\n \t\n{"id":"4","text":"c"}'.encode()
    records = read_bytes(file, content)
    assert [(r.record_number, r.source_id) for r in records] == [(1, "1"), (4, "4")]
    assert records.encoding == "utf-8-sig"
    cr_only = b'{"id":"1","text":"a"}\r{"id":"2","text":"b"}\r'
    assert rejected(read_bytes(file, cr_only)) == [(1, None, "bad_json")]


def test_other_encodings(file: Path) -> None:
    """Lines are text in the file's encoding: UTF-16 by its mark, CP932 by its lines."""
    line = '{"id": "1", "text": "ソ表、カード"}\n'
    for encoding in ("utf-16", "cp932"):
        assert good(read_bytes(file, line.encode(encoding))) == [("1", "ソ表、カード")]


def test_a_record_that_is_too_long(file: Path) -> None:
    """It is not held as a whole: what it begins with tells its id, its neighbours are good."""
    shape = InputShape("id", "text", max_text_chars=10)
    long = '{"id": "big", "text": "' + "あ" * (9 << 20) + '"}'
    records = read_bytes(
        file, f'{{"id":"1","text":"a"}}\n{long}\n{{"id":"3","text":"b"}}'.encode(), shape
    )
    first, reject, last = records
    assert (first.source_id, last.source_id) == ("1", "3")
    assert isinstance(reject, Reject)
    assert (reject.source_id, reject.reason_code) == ("big", "record_too_long")
    assert reject.params["chars"] == len(long) + 1
    assert reject.params["line"] == 2


def test_a_path_that_leads_nowhere_is_said(file: Path) -> None:
    """A path that no record has is a warning of its own; one that is seen once is good."""
    shape = InputShape("id", "text", keep=("a.b", "stor"))
    content = b'{"id": 1, "text": null, "a": {"b": null}}\n{"id": 2, "text": "x", "a": {"b": 0}}\n{'
    records = read_bytes(file, content, shape)
    assert list(records.warnings) == []
    for _ in range(2):
        assert good(records) == [("2", "x")]
        assert [(w.code, w.params["column"]) for w in records.warnings] == [
            ("path_not_found", "stor")
        ]
    assert read_bytes(file, b"\n[]\n", shape).warnings == ()
