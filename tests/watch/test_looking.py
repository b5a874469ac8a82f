"""The folder is looked at now and then, and at once when something stirs."""

from pathlib import Path

import pytest

from jobs.errors import SettingError
from tests.watch.making import HeardView, QuietStirring, seen
from workers.watch.folder import Folder, Look
from workers.watch.hopes import Hopes
from workers.watch.looking import Looking
from workers.watch.retries import Retries
from workers.watch.rules import Rules, WatchFile
from workers.watch.saying import Saying

RULES = Rules(
    Path("watch.toml"),
    WatchFile.model_validate({"settle_seconds": 0, "rules": ({"spec": "s.toml"},)}),
)


class StillFolder(Folder):
    """Shows what a test puts there."""

    def __init__(self) -> None:
        self.path = Path("/drop")
        self.shown: Look | OSError = Look((seen(),), ("", "s"))
        self.looks = 0

    def require_in_place(self) -> None:
        """It is."""

    def look(self, left_out: object) -> Look:
        self.looks += 1
        if isinstance(self.shown, OSError):
            raise self.shown
        return self.shown


class Scene:
    """A look at a folder, with a clock in hand."""

    def __init__(self, *, once: bool = False) -> None:
        self.now = 0.0
        self.folder = StillFolder()
        self.view = HeardView()
        self.stirring = QuietStirring()
        self.retries = Retries(lambda: self.now)
        self.looking = Looking(
            self.folder,
            RULES,
            Saying(self.view, "en"),
            self.stirring,
            self.retries,
            Hopes() if once else None,
            left_out=(),
            clock=lambda: self.now,
        )

    def look(self, at: float) -> list[str]:
        """Look at a time; return what may be taken."""
        self.now = at
        self.looking.look(())
        return [one.path for one in self.looking.ready]


def test_it_looks_when_it_is_time_or_something_stirs() -> None:
    """Not more often; events are listened to in every folder seen."""
    scene = Scene()
    assert scene.look(0) == ["a.csv"]
    scene.look(1.9)
    assert scene.folder.looks == 1
    assert scene.looking.idle_seconds == pytest.approx(0.1)
    scene.stirring.stirred.set()
    scene.look(1.95)
    assert (scene.folder.looks, scene.stirring.stirred.is_set()) == (2, False)
    scene.look(4)
    assert scene.folder.looks == 3
    assert scene.stirring.heard == ["drop", "s"]


def test_files_in_flight_or_at_rest_are_not_ready() -> None:
    """Nor those that failed a moment ago."""
    scene = Scene()
    scene.looking.look({("a.csv", seen().mark)})
    assert scene.looking.ready == []
    scene.retries.fail("a.csv")
    assert scene.look(2.5) == ["a.csv"]
    scene.retries.fail("a.csv")
    scene.retries.fail("a.csv")
    assert scene.look(4.6) == []


def test_a_folder_that_cannot_be_read_is_said_once() -> None:
    """And looked at again; `--once` ends."""
    scene = Scene()
    scene.folder.shown = PermissionError(13, "Permission denied")
    for at in range(0, 20, 3):
        scene.look(at)
    assert (scene.folder.looks, scene.view.said("Permission denied")) == (7, 1)
    once = Scene(once=True)
    once.folder.shown = scene.folder.shown
    with pytest.raises(SettingError):
        once.look(0)


def test_a_folder_that_cannot_be_found_for_a_while_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder above it that may not be entered, say, ends no watch."""

    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    scene = Scene()
    with monkeypatch.context() as closed:
        closed.setattr(scene.folder, "require_in_place", refuse)
        assert scene.look(0) == []
    assert scene.view.said("Permission denied") == 1
    assert scene.look(3) == ["a.csv"]
