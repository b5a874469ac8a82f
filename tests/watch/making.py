"""A watched folder for tests: a database, a clock in hand, and a crew that answers at once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.store import Database, batches
from jobs.store.results import Tally
from tests.store.making import drive
from workers.settings import read_settings
from workers.watch.folder import Folder
from workers.watch.rules import read_rules
from workers.watch.seen import Kind, Mark, Seen
from workers.watch.specs import Specs
from workers.watch.start import make_watcher
from workers.watch.stirring import Stirring
from workers.watch.watcher import Watcher, WatchOptions

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
RULES = """settle_seconds = 5
[[rules]]
match = "*.csv"
spec = "../small.toml"
"""
ROWS = "id,text\nr1,where is it\nr2,money back\n"


class HeardView:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def say(self, code: str, **params: object) -> None:
        self.words.append(str(params.get("words", code)))

    def show(self, name: str, tally: Tally, seconds: float) -> None:
        """Nobody looks."""

    def end(self) -> None:
        """Nobody looks."""

    def said(self, *parts: str) -> int:
        """How many lines hold all of these."""
        return sum(all(part in line for part in parts) for line in self.words)


class FakeCrew:
    """Answers everything that is owed whenever it is asked to see to it."""

    def __init__(self, database: Database) -> None:
        self.works = True
        self.failure: Exception | None = None
        self.pinned: Exception | None = None
        self.dismissed = 0
        self.ensured: list[list[str]] = []
        self._database = database

    def ensure(self, needed: Sequence[str]) -> None:
        self.ensured.append(list(needed))
        if self.failure is not None:
            raise self.failure
        if needed and self.works:
            drive(self._database)

    def check_pins(self, pins: Mapping[str, str | None]) -> None:
        if self.pinned is not None:
            raise self.pinned

    def dismiss_failed(self) -> None:
        self.dismissed += 1


class QuietStirring(Stirring):
    """Hears nothing by itself."""

    def listen(self, folders: Sequence[Path]) -> None:
        self.heard = [path.name for path in folders]


@dataclass
class House:
    """A watched folder with all that belongs to it."""

    base: Path
    database: Database
    now: float = 100.0
    view: HeardView = field(default_factory=HeardView)
    filed: list[Mapping[str, Any]] = field(default_factory=list)
    folder: Folder | None = None

    def __post_init__(self) -> None:
        self.root = self.base / "drop"
        self.root.mkdir()
        (self.base / "small.toml").write_text(SPEC)
        self.write_rules(RULES)
        self.crew = FakeCrew(self.database)
        self.stirring = QuietStirring()

    def write_rules(self, text: str) -> None:
        (self.root / "watch.toml").write_text(text)

    def drop(self, name: str, text: str = ROWS) -> Path:
        """Put a file into the folder."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def watch(self, *, once: bool = False) -> Watcher:
        """A new watcher, as after a start."""
        url = f"sqlite:///{self.base / 'sekisho.db'}"
        settings = read_settings(database_url=url, environment={})
        self.close()
        folder = self.folder = Folder(self.root, self.base / "private")
        rules = read_rules(self.root / "watch.toml")
        specs = Specs(lambda _: None)
        options = WatchOptions(write_results=write_results, on_filed=self.filed.append, once=once)
        with folder.lock():
            return make_watcher(
                settings,
                self.database,
                self.crew,  # type: ignore[arg-type]
                folder,
                rules,
                specs,
                self.view,
                options,
                self.stirring,
                lambda: self.now,
            )

    def close(self) -> None:
        """Let go of the folder."""
        if self.folder is not None:
            self.folder.close()
            self.folder = None

    def work(self, watcher: Watcher, seconds: float = 12, step: float = 1.0) -> bool:
        """Let some seconds go by; say whether the watch was over at their end."""
        over = False
        end = self.now + seconds
        while self.now < end:
            self.now += step
            over = watcher.step()
        return over

    def tree(self) -> list[str]:
        """Every file below the folder but those of the watch itself."""
        return sorted(
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if not path.is_dir() and path.name not in ("watch.toml", ".sekisho-watch.lock")
        )

    def count_batches(self) -> int:
        """How many batches there are."""
        return len(batches.list_recent(self.database, 1000))


def write_results(database: Database, batch_id: str, path: Path) -> None:
    """Results that say whose they are."""
    path.write_text(f"results of {batch_id}\n")


def seen(path: str = "a.csv", **changes: Any) -> Seen:
    """A file as a look shows it."""
    mark = Mark(1, changes.pop("inode", 1), changes.pop("size_bytes", 10), changes.pop("at", 0))
    return Seen(path, changes.pop("kind", Kind.FILE), mark, **changes)


def age(path: Path, seconds: float) -> None:
    """Let a file have been written earlier."""
    found = path.stat()
    os.utime(path, (found.st_atime, found.st_mtime - seconds))
