"""A file is there whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.export.landing import landing

ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
from jobs.export.landing import landing
with landing(Path(sys.argv[1])) as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_is_written(tmp_path: Path) -> None:
    """It has ordinary rights, and nothing else is left."""
    path, plain = tmp_path / "out.csv", tmp_path / "plain"
    plain.touch()
    with landing(path) as stream:
        stream.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode == plain.stat().st_mode
    assert {one.name for one in tmp_path.iterdir()} == {"out.csv", "plain"}


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """The old file stands and nothing else is left."""
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fail() -> None:
        with landing(path) as stream:
            stream.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    """Also when nothing could be cleared away; the name still belongs to the old file."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], env=environment, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_long_names_have_room(tmp_path: Path) -> None:
    """The temporary name of a file with the longest name is not too long."""
    path = tmp_path / ("結" * 83 + ".csv")
    with landing(path) as stream:
        stream.write(b"new")
    assert path.exists()
