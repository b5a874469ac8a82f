"""Patterns and standard input in place of files."""

import hashlib
import io
import stat
from pathlib import Path

import pytest

from jobs.errors import SourceError
from jobs.source.paths import expand, spool


def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern is its files in order, no folder, each once; a plain path stays what it is."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.csv", "x/c.csv", "[odd].csv"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    Path("folder.csv").mkdir()
    assert expand([Path("?.csv"), Path("a.csv"), Path("none.csv")]) == [
        Path("a.csv"),
        Path("b.csv"),
        Path("a.csv"),
        Path("none.csv"),
    ]
    assert expand([Path("**/c.csv"), Path("[odd].csv")]) == [Path("x/c.csv"), Path("[odd].csv")]
    with pytest.raises(SourceError) as caught:
        expand([Path("*.json")])
    assert (caught.value.code, caught.value.params) == ("glob_no_match", {"file": "*.json"})


def test_a_stream_is_kept_under_its_content(tmp_path: Path) -> None:
    """The same bytes are the same file, for its owner alone; nothing else is left."""
    content = b"id,text\n" * 300_000
    folder = tmp_path / "state" / "spool"
    first = spool(io.BytesIO(content), folder)
    assert spool(io.BytesIO(content), folder) == first
    assert first.read_bytes() == content
    assert first.name == f"stdin-{hashlib.sha256(content).hexdigest()[:32]}"
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert spool(io.BytesIO(b"x"), folder) != first
    assert len(list(folder.iterdir())) == 2


def test_what_killed_processes_have_left_is_removed(tmp_path: Path) -> None:
    """A half-written stream nobody writes any more goes; one that is being written stays."""
    (tmp_path / ".stdin-dead").write_bytes(b"half")

    class Looks(io.BytesIO):
        """A stream during which another one is kept."""

        def read(self, size: int | None = -1) -> bytes:
            if not self.tell():
                spool(io.BytesIO(b"other"), tmp_path)
            return super().read(size)

    kept = spool(Looks(b"mine"), tmp_path)
    assert kept.read_bytes() == b"mine"
    assert {path.name[:6] for path in tmp_path.iterdir()} == {"stdin-"}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_stream_that_cannot_be_kept(tmp_path: Path) -> None:
    """Nothing at all, a folder that is a file and a stream that breaks leave nothing behind."""

    class Breaks(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    (tmp_path / "file").touch()
    for stream, folder, code in (
        (io.BytesIO(b""), tmp_path / "a", "empty_file"),
        (io.BytesIO(b"x"), tmp_path / "file", "spool_not_writable"),
        (Breaks(), tmp_path / "a", "spool_not_writable"),
    ):
        with pytest.raises(SourceError) as caught:
            spool(stream, folder)  # type: ignore[arg-type]
        assert caught.value.code == code
    assert list((tmp_path / "a").iterdir()) == []
