"""Killed at any point and started again: each content is one batch, each file ends once."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from jobs import submit
from jobs.store import batches
from tests.watch.making import ROWS, RULES, House
from workers.watch import ending, filing

CALLS = {
    submit: ("hand_in", "submit"),
    batches: ("find",),
    filing: ("rename_new", "survey"),
    ending: ("put_sidecar", "move", "place_results", "survey", "is_in_place"),
    os: ("unlink", "fsync", "mkdir"),
}
"""What a watcher does in between, by the modules through which it does it."""
POINTS_MIN = 60
STRIDE = 7


class Killed(BaseException):
    """The end of the process."""


class Fate:
    """Ends the process at the n-th point, a point being before or after a call."""

    def __init__(self, point: int) -> None:
        self.left = point

    def pass_by(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            if self.left <= 0:  # after the end nobody cleans up
                raise Killed
            self.pass_by()
            done = call(*arguments, **named)
            self.pass_by()
            return done

        return called


def fill(house: House) -> None:
    """Good files, copies, names that collide, a broken one, a marked one, one without a rule."""
    house.write_rules('unmatched = "fail"\n' + RULES.replace("5", "0") + 'results = "out"\n')
    (house.root / "out").mkdir(exist_ok=True)
    for name, text in {
        "a.csv": ROWS,
        "copy.csv": ROWS,
        "s/a.csv": ROWS + "r3,more\n",
        "bad.csv": "",
        "broken.csv": 'id,text\nr1,"never closed\n',
        "x.bin": "x",
        "marked.csv": ROWS + "r4,even more\n",
        "marked.csv.done": "",
    }.items():
        house.drop(name, text)


def check(house: House) -> None:
    """Every file in one folder with one sidecar of its own, every content one batch."""
    files = [name for name in house.tree() if not name.startswith("out/")]
    sidecars = {name for name in files if name.endswith(".json")}
    data = sorted(set(files) - sidecars)
    assert data == [
        "failed/bad.csv",
        "failed/broken.csv",
        "failed/x.bin",
        "processed/a.csv",
        "processed/copy.csv",
        "processed/marked.csv",
        "processed/s/a-2.csv",
    ]
    assert sidecars == {f"{name}.json" for name in data}
    said = {name: json.loads((house.root / f"{name}.json").read_text()) for name in data}
    assert all(one["filed_as"] == name for name, one in said.items())
    taken = {name: one["batch_id"] for name, one in said.items() if one["batch_id"]}
    assert len(set(taken.values())) == house.count_batches() == 4
    assert taken["processed/a.csv"] == taken["processed/copy.csv"]
    statuses = [said[f"processed/{name}"]["status"] for name in ("a.csv", "copy.csv")]
    assert statuses == ["closed", "already_taken"]
    assert sorted(path.name for path in (house.root / "out").iterdir()) == [
        "a-2.csv.results.csv",
        "a.csv.results.csv",
        "marked.csv.results.csv",
    ]


def live(house: House, monkeypatch: pytest.MonkeyPatch, point: int) -> bool:
    """Watch until killed at a point; False if the watch got by without passing it."""
    fate = Fate(point)
    with monkeypatch.context() as patch:
        for module, names in CALLS.items():
            for name in names:
                patch.setattr(module, name, fate.wrap(getattr(module, name)))
        try:
            house.work(house.watch(), 9)
        except Killed:
            return True
    return False


@pytest.mark.slow
def test_killed_again_and_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A life with many deaths: each next one dies some points later."""
    fill(house)
    point = 1
    while live(house, monkeypatch, point):
        point += STRIDE
    house.work(house.watch(), 30)
    check(house)


@pytest.mark.parametrize("start", range(1, POINTS_MIN, 7))
def test_killed_once(house: House, monkeypatch: pytest.MonkeyPatch, start: int) -> None:
    """One death in the midst of the work."""
    fill(house)
    assert live(house, monkeypatch, start)
    house.work(house.watch(), 30)
    check(house)
