"""`sekisho watch` refuses what can never work before anything is done."""

from pathlib import Path

import pytest

from jobs.errors import ServiceError
from tests.cli.conftest import SPEC, Call
from workers.cli.watch import _print
from workers.watch.folder import Folder

RULES = '[[rules]]\nmatch = "*.csv"\nspec = "../spec.toml"\n'


@pytest.fixture
def drop(folder: Path) -> Path:
    """A folder with rules."""
    path = folder / "drop"
    path.mkdir()
    (path / "watch.toml").write_text(RULES)
    return path


def refused(call: Call, *arguments: object, says: str, status: int = 2) -> str:
    """Run a watch that must be refused; return the code."""
    plain = call("watch", *arguments)
    assert (plain.status, plain.out, plain.err.count("\n")) == (status, "", 1), plain
    assert says in plain.err
    return call("watch", *arguments, "--json").code


def test_a_folder_that_is_none(call: Call, folder: Path) -> None:
    """A folder that is not there, and one without rules, are named."""
    assert refused(call, "none", says="none") == "watch_no_folder"
    (folder / "drop").mkdir()
    assert refused(call, "drop", says="watch.toml") == "watch_rules_unreadable"
    assert not (folder / "sekisho.db").exists()


def test_wrong_rules_specs_and_models(call: Call, drop: Path, folder: Path) -> None:
    """Each with its own error; nothing is written before."""
    (folder / "my.toml").write_text('[[rules]]\nsepc = "spec.toml"\n')
    assert refused(call, "drop", "--rules", "my.toml", says="line 2") == "watch_key_misspelt"
    (folder / "spec.toml").write_text(SPEC.replace("labels =", "lables ="))
    assert refused(call, "drop", says="spec.toml, line 4") == "spec_key_misspelt"
    (folder / "spec.toml").write_text(SPEC.replace('"stub"', '"gone"'))
    assert refused(call, "drop", says="gone.gguf") == "model_missing"
    assert not (folder / "sekisho.db").exists()
    assert [path.name for path in drop.iterdir()] == ["watch.toml"]


def test_a_second_watch(call: Call, drop: Path, folder: Path) -> None:
    """It is told the process of the first."""
    first = Folder(drop, folder / "private")
    with first.lock():
        assert refused(call, "drop", says="process", status=3) == "watch_locked"
    first.close()


def test_rules_elsewhere_and_a_database_that_is_down(call: Call, drop: Path, folder: Path) -> None:
    """Specs are relative to the rules; a service that is down at the start is exit 3."""
    (drop / "watch.toml").unlink()
    (folder / "my.toml").write_text('[[rules]]\nspec = "spec.toml"\n')
    nowhere = "postgresql://user:hidden@/none?host=/nonexistent"
    arguments = ("drop", "--rules", "my.toml", "--db", nowhere)
    assert refused(call, *arguments, says="database", status=3) == "database_fails"


def test_a_line_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever read the lines has left: that is no trouble with the file."""

    def refuse(_: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("workers.cli.watch.typer.echo", refuse)
    with pytest.raises(ServiceError) as raised:
        _print({"path": "a.csv"})
    assert raised.value.code == "output_fails"
