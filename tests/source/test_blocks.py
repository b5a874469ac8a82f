"""Blocks split by the csv module are what the careful splitter makes of the same text."""

import io
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.source.blocks import BLOCK_BYTES, Portion, read_blocks, skip_line, split_blocks
from jobs.source.encoding import MARKING
from jobs.source.judge import Judge
from jobs.source.record import InputShape, Row
from jobs.source.split import PIECE_CHARS, RawRecord, plain_record, read_pieces, split_records

ALL = frozenset(range(100))
BITS = ("a", ",", ";", '"', "\r", "\n", "\r\n", " ", "\0", "é", "関", "\u2028", "\x85", '""', '","')
BYTES = st.lists(
    st.sampled_from((*(bit.encode() for bit in BITS), b"\xff", "\ufeff".encode())), max_size=60
).map(b"".join)


def opened(content: bytes) -> io.TextIOWrapper:
    """A text file as the reader opens it."""
    return io.TextIOWrapper(io.BytesIO(content), "utf-8", errors=MARKING, newline="")


def flat(portions: Iterator[Portion]) -> Iterator[RawRecord]:
    """The records of all portions."""
    for portion in portions:
        if isinstance(portion, RawRecord):
            yield portion
        else:
            yield from map(plain_record, portion)


def without_line(record: RawRecord) -> RawRecord:
    """The line is told where a quote is damaged, and asked for nowhere else."""
    return record if "quote" in (record.flaw or "") else record._replace(line=0)


@given(BYTES, st.sampled_from(",;"), st.integers(1, 30))
@example(b'a,"b\nc",d\na,b\n', ",", 4)
@example(b'"a","b"x,c"\n1,2\n', ",", 30)
@example(b'\xef\xbb\xbf"a\r\n', ",", 2)
@example(b'""a","a', ",", 1)
@example(b"\xef\xbb\xbf\r", ",", 1)
def test_blocks_are_split_like_pieces(content: bytes, delimiter: str, block_bytes: int) -> None:
    """Whatever the bytes and wherever blocks end: the same records, flaws and lines."""
    careful = split_records(
        read_pieces(opened(content)),
        delimiter,
        wanted=ALL,
        max_cell_chars=PIECE_CHARS,
        cr_ends_lines=False,
    )
    blocks = read_blocks(opened(content), block_bytes=block_bytes)
    quick = split_blocks(blocks, delimiter, wanted=ALL, max_cell_chars=PIECE_CHARS)
    assert list(map(without_line, flat(quick))) == list(map(without_line, careful))


@given(BYTES, st.integers(1, 30))
def test_blocks_hold_the_text(content: bytes, block_bytes: int) -> None:
    """Blocks put together are the text without its mark; none is empty, and no CRLF is cut."""
    blocks = list(read_blocks(opened(content), block_bytes=block_bytes))
    assert "".join(blocks) == opened(content).read().removeprefix("\ufeff")
    assert all(blocks)
    cuts = [one[-1] + other[0] for one, other in pairwise(blocks)]
    assert "\r\n" not in cuts


@pytest.mark.parametrize(
    ("blocks", "left"), [(["sep=;\na\n", "b\n"], ["a\n", "b\n"]), (["sep=;\n"], []), ([], [])]
)
def test_the_first_line_can_be_left_out(blocks: list[str], left: list[str]) -> None:
    """Excel's hint is no record, and what it leaves empty is no block."""
    assert list(skip_line(iter(blocks))) == left


def test_memory_is_one_block_however_long_the_line() -> None:
    """A line without end comes in blocks of at most PIECE_CHARS characters."""
    content = b"a" * (5 * BLOCK_BYTES) + b"\n"
    blocks = list(read_blocks(opened(content)))
    assert len(blocks) >= 3
    assert max(map(len, blocks)) <= PIECE_CHARS


CELLS = st.text(st.sampled_from("a \u3000\u200b関\t"), max_size=5)


@settings(max_examples=300)
@given(
    st.lists(st.lists(CELLS, max_size=4), max_size=5),
    st.sampled_from(["id", None]),
    st.sampled_from(["text", ("text", "note")]),
)
def test_rows_at_the_first_look_are_rows_at_the_second(
    records: list[list[str]], source_id: str | None, text: str | tuple[str, ...]
) -> None:
    """What is picked as a row is judged to be that very row; what is not may be either."""
    shape = InputShape(id=source_id, text=text, keep=("note",), max_text_chars=3)
    judge = Judge(shape, {"id": 0, "text": 1, "note": 2}, 3)
    picked = judge.pick_rows(7, records)
    judged = [judge.judge(number, plain_record(cells)) for number, cells in enumerate(records, 7)]
    assert len(picked) == len(judged)
    for found, right in zip(picked, judged, strict=True):
        assert found == right if isinstance(found, Row) else isinstance(found, RawRecord)
