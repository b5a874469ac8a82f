"""A file becomes the batch of its content and its spec, once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs import submit as submit_module
from jobs.errors import SourceError
from jobs.job import BatchStatus
from jobs.spec import parse_spec
from jobs.store import Database, batches
from jobs.submit import Handed, hand_in
from tests.watch.making import ROWS, SPEC, HeardView
from workers.watch.folder import Folder
from workers.watch.rules import Rule
from workers.watch.seen import Seen
from workers.watch.taking import Handing, Taking

RULE = Rule(spec="s.toml")


class Shelf:
    """A folder with one file and what takes it."""

    def __init__(self, base: Path, database: Database) -> None:
        self.path = base / "drop" / "a.csv"
        self.path.parent.mkdir()
        self.path.write_text(ROWS)
        self.folder = Folder(self.path.parent, base / "private")
        (base / "private").mkdir()
        self.taking = Taking(database, self.folder, "en", HeardView(), lambda _: None)
        self.joins = False
        self.database = database

    def look(self) -> Seen:
        """The file as it stands."""
        return self.folder.look(()).files[0]

    def take(self, rule: Rule = RULE) -> Handing:
        """Take it."""
        spec = parse_spec(SPEC, "s.toml")
        handing = self.taking.take(self.look(), rule, spec, lambda _: self.joins)
        assert handing is not None
        return handing


@pytest.fixture
def shelf(sqlite: Database, tmp_path: Path) -> Shelf:
    """It."""
    return Shelf(tmp_path, sqlite)


def test_it_becomes_a_batch_of_its_own_path(shelf: Shelf) -> None:
    """With the identity that every other command gives it; taken again it is the same."""
    first, second = shelf.take(), shelf.take()
    assert first.batch is not None
    assert first.batch == second.batch
    assert first.batch.file_path == str(shelf.path)
    assert first.taken.identity == hand_in(shelf.path, parse_spec(SPEC, "x")).identity
    assert first.taken.spec["name"] == "small"


def test_content_in_flight_is_joined(shelf: Shelf, sqlite: Database) -> None:
    """And not handed in."""
    shelf.joins = True
    handing = shelf.take()
    assert (handing.batch, handing.refused) == (None, None)
    assert batches.list_recent(sqlite) == []


def test_a_file_that_changed_while_it_was_read_is_read_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch that failed for it is not the last word on those bytes."""
    real = submit_module.submit

    def write_meanwhile(*arguments: Any, **named: Any) -> object:
        shelf.path.write_text(ROWS + "r3,more\n")
        return real(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(submit_module, "submit", write_meanwhile)
        failed = shelf.take()
    assert failed.batch is not None
    assert failed.batch.file_error == "file_changed"
    shelf.path.write_text(ROWS)
    again = shelf.take()
    assert again.batch is not None
    assert (again.batch.status, again.batch.generation) == ("open", 1)
    assert again.taken.identity == failed.taken.identity


def test_what_cannot_be_read_is_refused_or_tried_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad file is refused under its own path; one that this system cannot read now is not."""
    shelf.path.write_text("id,other\n1,x\n")
    refused = shelf.take().refused
    assert refused is not None
    assert (refused.code, refused.params["file"]) == ("column_missing", str(shelf.path))

    for code in ("file_unreadable", "extra_missing"):

        def keep_back(_: Database, handed: Handed, code: str = code, **__: object) -> None:
            raise SourceError(code, file=str(handed.path))

        monkeypatch.setattr(submit_module, "submit", keep_back)
        with pytest.raises(SourceError) as raised:
            shelf.take()
        assert raised.value.params["file"] == str(shelf.path)


def test_a_file_that_broke_off_while_it_was_read_is_read_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network folder may fail in the midst of a file: that batch is not the last word either."""
    real = submit_module.submit

    def break_off(*arguments: Any, **named: Any) -> Any:
        batch = real(*arguments, **named)
        return replace(batch, status=BatchStatus.FAILED, file_error="file_unreadable")

    with monkeypatch.context() as patch:
        patch.setattr(submit_module, "submit", break_off)
        with pytest.raises(SourceError):
            shelf.take()
    failed = batches.list_recent(shelf.database)[0]
    failed = replace(failed, status=BatchStatus.FAILED, file_error="file_unreadable")
    monkeypatch.setattr(batches, "find", lambda *_: failed)
    again = shelf.take()
    assert again.batch is not None
    assert again.batch.generation == 1
