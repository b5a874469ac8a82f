"""Gzip'd files: members, cuts, damage, and bombs."""

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import SourceError
from jobs.source.content import open_content
from jobs.source.opening import BrokenFile
from tests.source.reading import good, read_bytes

ROWS = b"".join(b'{"id": "%d", "text": "row %d"}\n' % (n, n) for n in range(2_000))


def test_members_and_padding(tmp_path: Path) -> None:
    """Members one after the other are one text, zeros between and after them are nothing."""
    packed = gzip.compress(b'{"id": "a", "te') + gzip.compress(b"") + b"\0" * 100_000
    packed += gzip.compress(b'xt": "x"}\n{"id": "b", "text": "y"}\n') + b"\0" * 9
    records = read_bytes(tmp_path / "a.jsonl.gz", packed)
    assert good(records) == [("a", "x"), ("b", "y")]
    assert records.file_error is None


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_cut_file_gives_its_whole_rows(tmp_path: Path, suffix: str) -> None:
    """Rows before the cut are read, the row that was cut never is, and the file is broken."""
    rows = (
        ROWS
        if suffix == "jsonl"
        else b"id,text\n" + b"".join(b"%d,row\n" % n for n in range(9_999))
    )
    packed = gzip.compress(rows, compresslevel=1)
    for size in (len(packed) - 1, len(packed) - 9, len(packed) // 2):
        records = read_bytes(tmp_path / f"a.{suffix}.gz", packed[:size])
        found = good(records)
        assert records.file_error == "gzip_truncated"
        assert [number for number, _ in found] == [str(n) for n in range(len(found))]
        assert {text.rstrip("0123456789") for _, text in found} <= {"row ", "row"}
        assert good(records) == found
        assert len(found) > 100


@pytest.mark.parametrize("damage", ["checksum", "garbage after", "inside"])
def test_damage_is_told(tmp_path: Path, damage: str) -> None:
    """A wrong checksum and bytes that are no gzip break the file after rows before them."""
    packed = bytearray(gzip.compress(ROWS * 5))
    half = len(packed) // 2
    if damage == "checksum":
        packed[-8] ^= 1
    elif damage == "garbage after":
        packed += b"no gzip"
    else:
        packed[half : half + 50] = b"\xff" * 50
    records = read_bytes(tmp_path / "a.jsonl.gz", bytes(packed))
    found = good(records)
    assert records.file_error == "gzip_broken"
    assert found[:2_000] == [(str(n), f"row {n}") for n in range(2_000)]


@pytest.mark.parametrize(("place", "code"), [(-8, "gzip_broken"), (9, "gzip_truncated")])
def test_nothing_can_be_unpacked(tmp_path: Path, place: int, code: str) -> None:
    """A small file that is damaged or cut is refused as such, not as an empty one."""
    packed = bytearray(gzip.compress(b"id,text\n1,a\n"))
    if place < 0:
        packed[place] ^= 1
    else:
        del packed[place:]
    with pytest.raises(SourceError) as caught:
        read_bytes(tmp_path / "a.csv.gz", bytes(packed))
    assert caught.value.code == code


def test_a_file_that_is_cut_at_once(tmp_path: Path) -> None:
    """Where nothing at all can be unpacked the file is as good as empty, and refused."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"id,text\n")[:9])
    with open_content(path) as opened, pytest.raises(BrokenFile):
        opened.read()
    with open_content(path, softly=True) as opened:
        assert opened.read() == b""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(max_size=3_000), min_size=1, max_size=4),
    st.integers(0, 9),
    st.integers(1, 5_000),
)
def test_what_was_packed_is_read(
    tmp_path_factory: pytest.TempPathFactory, members: list[bytes], level: int, size: int
) -> None:
    """Any members, at any level, read in any portions and twice, give the same bytes."""
    path = tmp_path_factory.mktemp("gz") / "a.gz"
    path.write_bytes(b"".join(gzip.compress(member, level) for member in members))
    with open_content(path) as opened:
        for _ in range(2):
            opened.seek(0)
            assert b"".join(iter(lambda: opened.read(size), b"")) == b"".join(members)


def test_a_bomb_is_unpacked_piece_by_piece(tmp_path: Path) -> None:
    """However much a few bytes unpack to, a portion asked for is all that is held."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush())
    with open_content(path) as opened:
        assert len(opened.read1(1 << 20)) <= 1 << 20  # type: ignore[attr-defined]
        assert len(opened.read(10)) == 10
