"""JSON files: a list of records, or one at a path; each element is judged alone."""

import gzip
import json
from pathlib import Path

import pytest

from jobs.errors import SourceError
from jobs.source import InputShape
from jobs.source.split import PIECE_CHARS
from tests.source.reading import PLAIN, good, read_bytes, rejected

NESTED = InputShape("id", "text", records="data.items")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.json"


def refusal(file: Path, content: bytes, shape: InputShape = PLAIN) -> str:
    with pytest.raises(SourceError) as caught:
        read_bytes(file, content, shape)
    assert caught.value.params["file"] == str(file)
    return caught.value.code


def test_a_bad_element_costs_itself_alone(file: Path) -> None:
    """NaN, bytes that are no text, a key that stands twice: the neighbours are good."""
    content = b"""[{"id": "1", "text": "a"}, {"id": "2", "text": NaN},
        {"id": "3", "text": "\xff\xff"}, {"id": "4", "text": "d", "text": "e"}, "just text", 6,
        null, , {"id": "9", "text": "i"} {"id": "10", "text": "j"}, {"id": "10", "text": "j"}]"""
    records = read_bytes(file, content, InputShape("id", "text", encoding="utf-8"))
    assert good(records) == [("1", "a"), ("10", "j")]
    assert rejected(records) == [
        (2, None, "bad_json"),
        (3, None, "decode_error"),
        (4, "4", "duplicate_key"),
        (5, None, "not_an_object"),
        (6, None, "not_an_object"),
        (7, None, "not_an_object"),
        (8, None, "bad_json"),
        (9, None, "bad_json"),
    ]
    assert records.file_error is None


@pytest.mark.parametrize("content", [b"[]", b" [ ] ", b"\xef\xbb\xbf[\r\n]\n"])
def test_no_records(file: Path, content: bytes) -> None:
    """An empty list is a file of no records."""
    records = read_bytes(file, content)
    assert list(records) == []
    assert records.file_error is None


def test_elements_longer_than_what_is_read_at_once(file: Path) -> None:
    """Strings, escapes and brackets that go over the portions of reading come out whole."""
    texts = ['\\"]}[{,:\n' * n + "あ😀" * m for n in (1, 9_999, 7) for m in (0, 30_000, 1)]
    rows = [{"id": str(n), "text": text, "more": [text]} for n, text in enumerate(texts)]
    for at in range(PIECE_CHARS - 20, PIECE_CHARS + 3):
        rows[0]["more"] = "x" * (at - 60)
        for indent in (None, 1) if at % 8 == 0 else (None,):
            content = json.dumps(rows[:2], indent=indent, ensure_ascii=at % 2 == 0).encode()
            assert good(read_bytes(file, content)) == list(enumerate_texts(texts[:2]))
    content = json.dumps(rows, ensure_ascii=False).encode()
    assert good(read_bytes(file, content)) == list(enumerate_texts(texts))


def enumerate_texts(texts: list[str]) -> list[tuple[str, str]]:
    return [(str(number), text) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("content", "read", "code"),
    [
        (b'[{"id": "1", "text": "a"}, {"id": "2", "te', 1, "json_truncated"),
        (b'[{"id": "1", "text": "a"}', 0, "json_truncated"),
        (b'[{"id": "1", "text": "a"}, 12', 1, "json_truncated"),
        (b'[{"id": "1", "text": "a"}, {"id": ["2"}, {"id": "3", "text": "c"}]', 1, "json_broken"),
        (b'[{"id": "1", "text": "a"}}', 0, "json_broken"),
        (b'[{"id": "1", "text": "a"}] [{"id": "2", "text": "b"}]', 1, "json_broken"),
        (b'[{"id": "1", "text": "a"}]]', 1, "json_broken"),
    ],
)
def test_a_broken_end_is_told(file: Path, content: bytes, read: int, code: str) -> None:
    """What was cut off, or has brackets that do not match, never ends as complete."""
    records = read_bytes(file, content)
    assert len(good(records)) == read
    assert records.file_error == code
    assert records.file_error_params == {"file": str(file), "record": read}


def test_records_at_a_path(file: Path) -> None:
    """The list is found among other values, which may hold the same keys elsewhere."""
    content = b"""{"items": [{"id": "no", "text": "no"}], "meta": {"data": {"items": 1}, "s": "{["},
        "da\\u0074a": {"page": 1, "items": [{"id": "1", "text": "a"}], "next": null}, "end": {}}"""
    records = read_bytes(file, content, NESTED)
    assert good(records) == [("1", "a")]
    assert records.file_error is None


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        (b"}}", None),
        (b', "more": [{}]}, "x": 1} ', None),
        (b"}", "json_truncated"),
        (b"", "json_truncated"),
        (b"}}}", "json_broken"),
        (b'}} {"data": {}}', "json_broken"),
        (b', "items": [{"id": "2", "text": "b"}]}}', "json_broken"),
        (b"]}}", "json_broken"),
        (b', "x": {]}}', "json_broken"),
    ],
)
def test_the_rest_of_the_document(file: Path, rest: bytes, code: str | None) -> None:
    """What follows the list must close, and hold no second list of that name."""
    records = read_bytes(file, b'{"data": {"items": [{"id": "1", "text": "a"}]' + rest, NESTED)
    assert good(records) == [("1", "a")]
    assert records.file_error == code


@pytest.mark.parametrize(
    ("content", "shape", "code"),
    [
        (b'{"items": []}', PLAIN, "records_needed"),
        (b'{"id": 1}\n{"id": 2}\n', PLAIN, "records_needed"),
        (b'"text"', PLAIN, "records_needed"),
        (b"[]", NESTED, "records_missing"),
        (b'{"data": {"items": {}}}', NESTED, "records_missing"),
        (b'{"data": [{"items": []}]}', NESTED, "records_missing"),
        (b'{"date": {"items": []}}', NESTED, "records_missing"),
        (b'{"data": {"x": "cut o', NESTED, "json_truncated"),
        (b'{"data" 1}', NESTED, "json_broken"),
    ],
)
def test_no_list(file: Path, content: bytes, shape: InputShape, code: str) -> None:
    """Without the list that is asked for the file is refused before any record."""
    assert refusal(file, content, shape) == code


def test_a_cut_gzip_file(file: Path) -> None:
    """The whole elements of a JSON file whose gzip was cut are read, and no other."""
    rows = [{"id": str(n), "text": f"row {n * 7_919}"} for n in range(9_999)]
    packed = gzip.compress(json.dumps(rows).encode())[:-5_000]
    records = read_bytes(file, packed)
    found = good(records)
    assert records.file_error == "gzip_truncated"
    assert 100 < len(found) < 9_999
    assert found == [(row["id"], row["text"]) for row in rows[: len(found)]]


def test_going_on_after_a_record(file: Path) -> None:
    """Every pass gives the same records, so that loading can go on where it stopped."""
    rows = [{"id": str(n), "text": "" if n % 3 else "x"} for n in range(500)]
    records = read_bytes(file, json.dumps(rows).encode())
    first = iter(records)
    begun = [next(first) for _ in range(123)]
    assert list(records)[:123] == begun
    assert list(records) == list(records)


def test_brackets_without_end(file: Path) -> None:
    """More open brackets than any document has break the file instead of filling the memory."""
    content = b'[{"id": "1", "text": "a"}, ' + b"[" * (3 << 20)
    records = read_bytes(file, gzip.compress(content))
    assert good(records) == [("1", "a")]
    assert records.file_error == "json_broken"
