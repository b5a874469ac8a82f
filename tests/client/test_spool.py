"""Rows spooled to a file: read back the same, in their order, and gone afterwards."""

import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.client import spool
from jobs.client.spool import FOLDER, spooled
from jobs.errors import ServiceError
from jobs.source import Reject, Row
from jobs.source.judge import is_empty
from jobs.spec import Spec, build_spec
from jobs.submit import records_of

PLAIN: dict[str, Any] = {"id": "id", "text": "text", "keep": ["note"]}


def spec_of(section: dict[str, Any]) -> Spec:
    """A spec with this [input]."""
    task = {"kind": "classify", "labels": ["a", "b"]}
    return build_spec({"name": "small", "task": task, "input": section})


def read_back(
    rows: Sequence[object], folder: Path, section: dict[str, Any] = PLAIN
) -> list[Row | Reject]:
    """What a reader makes of rows that went through a spool file."""
    with spooled(rows, spec_of(section), folder, name="rows", limit=None) as handed:
        records = records_of(handed)
        first = list(records)
        assert list(records) == first  # the same on every pass
        assert (records.file_error, records.warnings) == (None, ())
    return first


def hash_of(rows: Sequence[object], folder: Path, section: dict[str, Any] = PLAIN) -> str:
    """The identity of rows."""
    with spooled(rows, spec_of(section), folder, name="rows", limit=None) as handed:
        return handed.file.hash


ODD = ["\ufeffx", "a,b", '"', '""', "\r", "\n", "\r\n", " a ", "'", "sep=;", "=1", "\u2028", "a\r"]
TEXTS = st.sampled_from(ODD) | st.text(
    st.characters(exclude_characters="\0", codec="utf-8"), max_size=12
)


@given(st.lists(st.tuples(st.integers(0, 10**9), TEXTS, TEXTS), max_size=8))
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, str]]
) -> None:
    """Every character of a text and of a kept column, in the order of the rows."""
    given_rows = [{"id": key, "text": f"x{text}", "note": note} for key, text, note in rows]
    read = read_back(given_rows, tmp_path_factory.getbasetemp() / "state")
    assert read == [
        Row(number, str(key), f"x{text}", (("note", note),))
        for number, (key, text, note) in enumerate(rows, 1)
    ]


@given(st.lists(TEXTS, max_size=6))
def test_one_column_is_enough(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Without ids the place of a row is its id; no text is taken for a header or a blank line."""
    rows = [{"text": text} for text in texts]
    read = read_back(rows, tmp_path_factory.getbasetemp() / "state", {"text": "text"})
    assert [record.record_number for record in read] == [*range(1, len(texts) + 1)]
    for record, text in zip(read, texts, strict=True):
        if isinstance(record, Row):
            assert (record.source_id, record.text) == (str(record.record_number), text)
        else:
            assert record.reason_code == "empty_text"
            assert is_empty(text)


def test_refused_rows_are_rejects_in_their_place(tmp_path: Path) -> None:
    """With the id where it is known, and the parameters of their words; neighbours are good."""
    rows = [
        {"id": 1, "text": "a"},
        {"id": 2, "text": 7},
        "no row",
        {"id": 3, "text": "b", "note": object()},
        {"text": "c"},
        {"id": 4, "text": ""},
        {"id": 5, "text": "d\0"},
        {"id": 6, "text": "e"},
    ]
    assert read_back(rows, tmp_path) == [
        Row(1, "1", "a", (("note", ""),)),
        Reject(2, "2", "text_not_string"),
        Reject(3, None, "not_an_object"),
        Reject(4, "3", "value_not_plain", {"column": "note"}),
        Reject(5, None, "missing_id"),
        Reject(6, "4", "empty_text"),
        Reject(7, "5", "nul_byte"),
        Row(8, "6", "e", (("note", ""),)),
    ]
    without_ids = read_back([{"text": None}], tmp_path, {"text": "text"})
    assert without_ids == [Reject(1, "1", "missing_text")]


def test_the_specs_own_words_about_files_do_not_matter(tmp_path: Path) -> None:
    """Encoding, delimiter and header of [input] are those of files; limits hold for rows too."""
    section = {**PLAIN, "encoding": "cp932", "delimiter": ";", "format": "tsv"}
    section |= {"header": False, "columns": ["note", "text", "id"], "max_text_chars": 4}
    read = read_back(
        [{"id": "𠮷", "text": "🦀;,"}, {"id": "b", "text": "12345"}], tmp_path, section
    )
    assert read[0] == Row(1, "𠮷", "🦀;,", (("note", ""),))
    assert isinstance(read[1], Reject)
    assert read[1].reason_code == "text_too_long"


def test_columns_may_be_named_as_ours(tmp_path: Path) -> None:
    """A column of the spec that has the name of our own one is still a column."""
    section = {"id": "refused", "text": "refused_", "keep": ["Refused"]}
    row = {"refused": "a", "refused_": "b", "Refused": "c"}
    assert read_back([row], tmp_path, section) == [Row(1, "a", "b", (("Refused", "c"),))]


def test_the_identity_is_the_contents(tmp_path: Path) -> None:
    """Equal rows are equal however they are handed in; one character, or the order, is not."""
    rows = [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]
    same = [{"text": "a", "id": 1, "other": 5}, {"text": "b", "id": 2, "note": None}]
    assert hash_of(rows, tmp_path / "one") == hash_of(same, tmp_path / "two")
    assert hash_of(rows, tmp_path) != hash_of(rows[::-1], tmp_path)
    assert hash_of(rows, tmp_path) != hash_of([rows[0], {"id": "2", "text": "b "}], tmp_path)


def test_a_limit_asks_for_no_row_more(tmp_path: Path) -> None:
    """Rows after the limit are not even taken from the iterable."""
    asked: list[int] = []

    def rows() -> Iterator[dict[str, object]]:
        for number in range(10):
            asked.append(number)
            yield {"id": number, "text": "a"}

    with spooled(rows(), spec_of(PLAIN), tmp_path, name="rows", limit=3) as handed:
        assert len(list(records_of(handed))) == 3
    assert asked == [0, 1, 2]


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The file is there for its owner alone, and gone after the block, after an error too."""
    with spooled([{"id": 1, "text": "a"}], spec_of(PLAIN), tmp_path, name="r", limit=None) as it:
        assert it.path.stat().st_mode & 0o077 == 0
        assert it.path.parent.stat().st_mode & 0o077 == 0
    assert list((tmp_path / FOLDER).iterdir()) == []

    def broken() -> Iterator[dict[str, object]]:
        yield {"id": 1, "text": "a"}
        raise ValueError("mine")

    with (
        pytest.raises(ValueError, match="mine"),
        spooled(broken(), spec_of(PLAIN), tmp_path, name="r", limit=None),
    ):
        pass
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_orphans_are_removed_and_living_files_are_not(tmp_path: Path) -> None:
    """The file of a process that was killed goes with the next call; others are locked."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    orphan, foreign = folder / "rows-dead.csv", folder / "notes.txt"
    orphan.write_text("x")
    foreign.write_text("x")
    living = folder / "rows-alive.csv"
    with living.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with spooled([], spec_of(PLAIN), tmp_path, name="r", limit=None):
            assert not orphan.exists()
            assert living.exists()
    assert foreign.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file in the folder's place: nothing is handed in, and the words say where."""
    (tmp_path / FOLDER).write_text("in the way")
    with (
        pytest.raises(ServiceError) as caught,
        spooled([], spec_of(PLAIN), tmp_path, name="r", limit=None),
    ):
        pass
    assert caught.value.code == "spool_unusable"
    assert caught.value.params["folder"] == str(tmp_path / FOLDER)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of rows for which there was no room."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")

    def create(*_: object) -> tuple[Any, Path]:
        path = tmp_path / "rows-full.csv"
        path.touch()
        return full.open("wb"), path

    monkeypatch.setattr(spool, "create", create)
    rows = [{"id": 1, "text": "a" * 100_000}]
    with (
        pytest.raises(ServiceError, match="No space left"),
        spooled(rows, spec_of(PLAIN), tmp_path, name="r", limit=None),
    ):
        pass
    assert not (tmp_path / "rows-full.csv").exists()
