"""Where results may be written, and how a command ends when its output cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.errors import SettingError
from workers.cli.out import check_out
from workers.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(database_url=f"sqlite:///{tmp_path / 'own.db'}", environment={})


def complain(out: Path, settings: Settings, *needed: Path) -> str:
    with pytest.raises(SettingError) as caught:
        check_out(out, settings, needed)
    return caught.value.code


def test_files_that_are_needed_are_never_replaced(tmp_path: Path, settings: Settings) -> None:
    """Inputs, the database and its companions are refused, also by a link to them."""
    rows = tmp_path / "rows.csv"
    rows.write_text("id,text\n")
    (tmp_path / "link.csv").symlink_to(rows)
    (tmp_path / "hard.csv").hardlink_to(rows)
    for name in ("rows.csv", "link.csv", "hard.csv", "own.db", "own.db-wal", "own.db-shm"):
        assert complain(tmp_path / name, settings, rows) == "out_is_needed"


def test_what_is_no_file_is_refused(tmp_path: Path, settings: Settings) -> None:
    """A pipe, a device and a folder are not replaced by a file."""
    os.mkfifo(tmp_path / "pipe.csv")
    assert complain(tmp_path / "pipe.csv", settings) == "out_not_a_file"
    assert complain(Path(os.devnull), settings) == "out_not_a_file"
    assert complain(tmp_path, settings) == "out_no_folder"


def test_a_link_is_followed(tmp_path: Path, settings: Settings) -> None:
    """Writing by a link writes the file it names; the link stays one."""
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert check_out(tmp_path / "link.csv", settings) == tmp_path.resolve() / "real.csv"


def call(*arguments: str, folder: Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from workers.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SEKISHO_LANG": "ja"}
    return subprocess.run(command, cwd=folder, env=environment, timeout=60, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_output_nobody_can_take_is_said_in_one_line(tmp_path: Path) -> None:
    """A full device ends with 3 and a line of words, not with a traceback."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        ended = call("--help", folder=tmp_path, stdout=full, stderr=subprocess.PIPE)
    assert ended.returncode == 3
    assert ended.stderr.count(b"\n") == 1
    assert b"Traceback" not in ended.stderr


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A batch that no encoding can spell is a usage error, with JSON when that was asked for."""
    ended = call("status", "\udcff", "--json", folder=tmp_path, capture_output=True)
    assert ended.returncode == 2
    assert b"argument_undecodable" in ended.stdout


def test_usage_errors_are_json_too(tmp_path: Path) -> None:
    """Whoever asks for JSON gets it for a wrong option as well."""
    ended = call("run", "--json", "--bogus", folder=tmp_path, capture_output=True)
    assert ended.returncode == 2
    assert b'"usage_wrong"' in ended.stdout
