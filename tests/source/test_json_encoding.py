"""The encoding of JSON: UTF-8 with damage is UTF-8, on however few lines."""

import json
from pathlib import Path

import pytest

from jobs.errors import SourceError
from tests.source.reading import good, read_bytes, rejected

ROWS = json.dumps([{"id": str(n), "text": "カード再発行"} for n in range(3)], ensure_ascii=False)


@pytest.mark.parametrize("damage", [b"\xff", b"\x91\xe5", b"caf\xe9"])
def test_damage_on_one_line(tmp_path: Path, damage: bytes) -> None:
    """One record that is no UTF-8 costs itself alone, though all of them are on one line."""
    content = ROWS.encode().replace("再".encode(), damage, 1)
    records = read_bytes(tmp_path / "a.json", content)
    assert records.encoding == "utf-8"
    assert good(records) == [("1", "カード再発行"), ("2", "カード再発行")]
    assert rejected(records) == [(1, None, "decode_error")]


def test_damage_among_ascii(tmp_path: Path) -> None:
    """Where nothing else is beyond ASCII, the one damaged record is still only one."""
    content = b'[{"id": "1", "text": "a"}, {"id": "2", "text": "caf\xe9"}]'
    records = read_bytes(tmp_path / "a.json", content)
    assert good(records) == [("1", "a")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp932", "euc_jp"])
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_whole_files(tmp_path: Path, encoding: str, suffix: str) -> None:
    """A file that is wholly in another encoding is read in it."""
    text = (
        ROWS
        if suffix == "json"
        else "\n".join(json.dumps(row, ensure_ascii=False) for row in json.loads(ROWS))
    )
    records = read_bytes(tmp_path / f"a.{suffix}", text.encode(encoding))
    assert records.encoding == encoding
    assert len(good(records)) == 3


def test_utf16_without_mark(tmp_path: Path) -> None:
    """It is refused, and read when it is named with its byte order."""
    with pytest.raises(SourceError) as caught:
        read_bytes(tmp_path / "a.json", ROWS.encode("utf-16-le"))
    assert caught.value.code == "encoding_not_recognised"
