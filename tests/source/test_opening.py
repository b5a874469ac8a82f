"""What is refused before any record is read."""

import os
import socket
import sys
from pathlib import Path

import pytest

from jobs.errors import SekishoError, SourceError
from jobs.source import InputShape, read_records
from tests.source.reading import PLAIN, read_bytes


def refusal(path: Path, shape: InputShape = PLAIN) -> SekishoError:
    with pytest.raises(SourceError) as caught:
        read_records(path, shape)
    assert caught.value.params["file"] == str(path)
    return caught.value


def test_missing_file(tmp_path: Path) -> None:
    """A path that leads to nothing is refused."""
    assert refusal(tmp_path / "none.csv").code == "file_missing"
    (tmp_path / "a.csv").write_text("id,text\n")
    assert refusal(tmp_path / "a.csv" / "b.csv").code == "file_missing"


def test_directory(tmp_path: Path) -> None:
    """A directory is refused."""
    assert refusal(tmp_path).code == "file_is_directory"


def test_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """A FIFO nobody writes to is refused without waiting for a writer."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    assert refusal(pipe).code == "not_a_regular_file"


def test_socket_and_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets and devices are no files of rows."""
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("a.csv")
        assert refusal(Path("a.csv")).code == "not_a_regular_file"
    assert refusal(Path("/dev/zero")).code == "not_a_regular_file"


def test_unreadable_paths(tmp_path: Path) -> None:
    """What the system refuses to open or read is said with its reason."""
    too_long = refusal(tmp_path / ("x" * 300))
    assert too_long.code == "file_unreadable"
    assert too_long.params["reason"]
    assert refusal(Path("a\0b")).code == "file_unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permissions(tmp_path: Path) -> None:
    """A file without read permission is refused."""
    file = tmp_path / "a.csv"
    file.write_text("id,text\n")
    file.chmod(0)
    assert refusal(file).code == "file_unreadable"


@pytest.mark.skipif(sys.platform != "linux", reason="a file that opens but cannot be read")
def test_read_error() -> None:
    """A file that opens but gives an error on reading is refused."""
    assert refusal(Path("/proc/self/mem")).code == "file_unreadable"


def test_file_gone_between_passes(tmp_path: Path) -> None:
    """A file that disappears after it was opened is an error of its own, not an end."""
    records = read_bytes(tmp_path / "a.csv", b"id,text\n1,a\n")
    (tmp_path / "a.csv").unlink()
    with pytest.raises(SourceError) as caught:
        list(records)
    assert caught.value.code == "file_missing"


def test_empty_file(tmp_path: Path) -> None:
    """A file of 0 bytes is refused, whatever its name."""
    for name in ("a.csv", "a.json"):
        (tmp_path / name).touch()
        assert refusal(tmp_path / name).code == "empty_file"
