"""The command line in this process: a call gives its exit status, stdout and stderr."""

import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workers.cli import main

SPEC = """name = "small"
[task]
kind = "classify"
labels = ["refund", "delivery"]
[input]
id = "id"
text = "text"
[route]
tiers = ["stub"]
"""
CONFIG = """[models.stub]
engine = "stub"
[models.words]
path = "words.gguf"
[models.gone]
path = "gone.gguf"
"""
ROWS = "id,text\nr1,where is it\nr2,=money back\n"


@dataclass(frozen=True)
class Called:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON on stdout."""
        return json.loads(self.out)

    @property
    def code(self) -> str:
        """The code of the error that `--json` prints."""
        return str(self.data["error"]["code"])


Call = Callable[..., Called]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a spec, a settings file, rows, and a GGUF that is none."""
    monkeypatch.chdir(tmp_path)
    for name in ("SEKISHO_DATABASE_URL", "SEKISHO_REDIS_URL", "SEKISHO_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEKISHO_LANG", "en")
    for name, text in {
        "spec.toml": SPEC,
        "sekisho.toml": CONFIG,
        "rows.csv": ROWS,
        "words.gguf": "only words",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def call(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Call]:
    """Run `sekisho` with arguments; the process's own log and signals stay as they are."""
    assert folder
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("workers.cli.app.configure_log", lambda: None)

    def run(*arguments: object) -> Called:
        monkeypatch.setattr("sys.argv", ["sekisho", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        shown = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Called(left.value.code, shown.out, shown.err)

    yield run
    signal.signal(signal.SIGTERM, before)


def count_batches(folder: Path) -> int:
    """How many batches the database holds; none when there is no database."""
    path = folder / "sekisho.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM batches").fetchone()[0])
