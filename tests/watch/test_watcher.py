"""Files that are dropped are taken once, answered and filed, whatever stands beside them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import ModelError, ServiceError, SpecError
from jobs.store import batches
from jobs.submit import hand_in, submit
from tests.watch.making import ROWS, RULES, SPEC, House
from workers.watch import filing
from workers.watch.renaming import rename_new


def sidecar(house: House, name: str) -> dict[str, object]:
    """What a sidecar says."""
    said: dict[str, object] = json.loads((house.root / f"{name}.json").read_text())
    return said


def test_a_file_is_answered_and_filed(house: House) -> None:
    """It waits until it stood still, and ends in processed/ with a sidecar; then nothing more."""
    house.drop("a.csv")
    watcher = house.watch()
    house.work(watcher, 5)
    assert house.count_batches() == 0
    house.work(watcher, 5)
    assert house.tree() == ["processed/a.csv", "processed/a.csv.json"]
    said = sidecar(house, "processed/a.csv")
    assert (said["status"], said["rows"], said["done"]) == ("closed", 2, 2)
    assert (said["reason_code"], said["filed_as"]) == ("watch_all_done", "processed/a.csv")
    assert house.filed == [said]
    batch = batches.list_recent(house.database, 1)[0]
    assert (batch.file_path, batch.file_name) == (str(house.root / "a.csv"), "a.csv")
    house.work(watcher, 30)
    assert (len(house.filed), house.count_batches(), watcher.bad) == (1, 1, 0)


def test_a_marked_file_does_not_wait(house: House) -> None:
    """Its marker goes with it; a file that is still written to waits."""
    house.drop("a.csv")
    house.drop("a.csv.done", "")
    house.drop("b.csv.part")
    house.work(house.watch(), 3)
    assert house.tree() == ["b.csv.part", "processed/a.csv", "processed/a.csv.json"]


def test_the_same_content_is_taken_once(house: House) -> None:
    """At the same time, later, and under the same name again: a copy is filed, not answered."""
    house.drop("a.csv")
    house.drop("b.csv")
    watcher = house.watch()
    house.work(watcher)
    house.drop("a.csv")
    house.work(watcher)
    assert house.count_batches() == 1
    names = ("processed/a.csv", "processed/b.csv", "processed/a-2.csv")
    assert sorted(house.tree()) == sorted(name + end for name in names for end in ("", ".json"))
    said = [sidecar(house, name) for name in names]
    assert [one["status"] for one in said] == ["closed", "already_taken", "already_taken"]
    assert {one["batch_id"] for one in said} == {said[0]["batch_id"]}
    assert said[1]["first"]["file"] == str(house.root / "a.csv")  # type: ignore[index]


def test_content_that_was_run_before_is_already_taken(house: House) -> None:
    """A batch that `sekisho run` made elsewhere of the same bytes and spec counts, too."""
    path = house.base / "elsewhere.csv"
    path.write_text(ROWS)
    watcher = house.watch()
    spec = watcher._specs.get(house.base / "small.toml")
    submit(house.database, hand_in(path, spec), language="en", wait=lambda _: None)
    house.drop("a.csv")
    house.work(watcher)
    assert sidecar(house, "processed/a.csv")["status"] == "already_taken"
    assert house.count_batches() == 1


def test_another_content_under_the_same_name(house: House) -> None:
    """Is another batch and gets another name."""
    watcher = house.watch()
    for text in (ROWS, ROWS + "r3,more\n"):
        house.drop("a.csv", text)
        house.work(watcher)
    assert [sidecar(house, f"processed/{name}")["rows"] for name in ("a.csv", "a-2.csv")] == [2, 3]
    assert house.count_batches() == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_file"),
        ("id,other\n1,x\n", "column_missing"),
        ('id,text\n1,"never closed\n', "unclosed_quote"),
        ("id,text\n1,\n", "watch_too_many_bad"),
    ],
)
def test_a_file_that_is_no_good_fails(house: House, text: str, code: str) -> None:
    """With the reason in its sidecar, which names the file by its own path."""
    house.drop("s/a.csv", text)
    watcher = house.watch()
    house.work(watcher)
    assert house.tree() == ["failed/s/a.csv", "failed/s/a.csv.json"]
    said = sidecar(house, "failed/s/a.csv")
    assert said["reason_code"] == code
    assert "private" not in str(said["reason"])
    assert watcher.bad == 1


def test_partial_takes_the_good_rows(house: House) -> None:
    """Of a broken file, also of one that was refused before."""
    broken = 'id,text\nr1,a\nr2,"never closed\n'
    house.drop("a.csv", broken)
    house.work(house.watch())
    house.write_rules(RULES + 'partial = true\nallow_bad = "50%"\n')
    house.drop("a.csv", broken)
    house.work(house.watch())
    assert sidecar(house, "failed/a.csv")["status"] == "failed"
    said = sidecar(house, "processed/a-2.csv")
    assert (said["status"], said["done"], said["file_error"]) == ("closed", 1, "unclosed_quote")
    assert "a quote opened" in str(said["reason"])


def test_results_stand_beside(house: House) -> None:
    """A file of results for each batch that closes, none overwritten, none for copies."""
    house.write_rules(RULES + 'results = "out"\n')
    (house.root / "out").mkdir()
    watcher = house.watch()
    for text in (ROWS, ROWS, ROWS + "r3,more\n"):
        house.drop("a.csv", text)
        house.work(watcher)
    out = sorted(path.name for path in (house.root / "out").iterdir())
    assert out == ["a-3.csv.results.csv", "a.csv.results.csv"]
    said = sidecar(house, "processed/a.csv")
    assert Path(str(said["results"])).read_text() == f"results of {said['batch_id']}\n"


def test_what_no_rule_fits_is_left_or_fails(house: House) -> None:
    """Said once; with `unmatched = "fail"` it is filed without a batch."""
    house.drop("a.txt")
    watcher = house.watch()
    house.work(watcher, 30)
    assert (house.tree(), house.view.said("a.txt")) == (["a.txt"], 1)
    house.write_rules('unmatched = "fail"\n' + RULES)
    house.work(house.watch())
    assert house.tree() == ["failed/a.txt", "failed/a.txt.json"]
    assert sidecar(house, "failed/a.txt")["reason_code"] == "watch_no_rule"


def test_links_and_pipes_are_said_once_and_left(house: House) -> None:
    """They are not moved, and get no sidecar."""
    secret = house.base / "secret.csv"
    secret.write_text(ROWS)
    (house.root / "link.csv").symlink_to(secret)
    os.mkfifo(house.root / "pipe.csv")
    os.link(secret, house.root / "hard.csv")
    watcher = house.watch()
    house.work(watcher, 30)
    assert house.tree() == ["hard.csv", "link.csv", "pipe.csv"]
    assert [house.view.said(name) for name in ("link.csv", "pipe.csv", "hard.csv")] == [1, 1, 1]
    secret.unlink()  # now hard.csv is the only name
    house.work(watcher)
    assert "processed/hard.csv" in house.tree()


def test_a_file_that_grows_is_not_taken(house: House) -> None:
    """As long as it grows."""
    path = house.drop("a.csv")
    watcher = house.watch()
    for number in range(3, 20):
        with path.open("a") as file:
            file.write(f"r{number},more\n")
        house.work(watcher, 2)
    assert house.count_batches() == 0
    house.work(watcher)
    assert sidecar(house, "processed/a.csv")["rows"] == 19


def test_a_file_replaced_while_it_is_answered(house: House) -> None:
    """What was read stays in SQL; the new file is taken as a new one."""
    house.crew.works = False
    house.drop("a.csv")
    watcher = house.watch()
    house.work(watcher)
    house.drop("a.csv", ROWS + "r3,more\n")
    house.crew.works = True
    house.work(watcher, 3)
    assert house.tree() == ["a.csv"]
    assert house.view.said("a.csv", "changed or removed") == 1
    house.work(watcher)
    assert (house.count_batches(), sidecar(house, "processed/a.csv")["rows"]) == (2, 3)


def test_a_broken_new_spec_lets_its_files_wait(house: House) -> None:
    """Said once; a mended one is used without a new start."""
    watcher = house.watch()
    spec = house.base / "small.toml"
    spec.write_text(SPEC.replace("labels", "lables"))
    house.drop("a.csv")
    house.work(watcher, 60)
    assert (house.tree(), house.view.said("lables")) == (["a.csv"], 1)
    spec.write_text(SPEC.replace("small", "mended"))
    house.work(watcher, 90)
    assert sidecar(house, "processed/a.csv")["spec"]["name"] == "mended"  # type: ignore[index]


def test_a_service_that_is_down_lets_files_wait(house: House) -> None:
    """Nothing is moved for it; it is said once; then the work goes on."""
    house.crew.failure = ServiceError("worker_keeps_dying", model="stub", status=1)
    house.drop("a.csv")
    watcher = house.watch()
    house.work(watcher, 60)
    assert (house.tree(), house.view.said("stub")) == (["a.csv"], 1)
    assert house.crew.dismissed > 1
    house.crew.failure = None
    house.work(watcher, 90)
    assert house.tree() == ["processed/a.csv", "processed/a.csv.json"]


def test_what_cannot_come_right_ends_the_watch(house: House) -> None:
    """A database or a folder that was replaced."""
    house.crew.failure = ServiceError("database_replaced", database="x")
    with pytest.raises(ServiceError):
        house.work(house.watch())


def test_a_reader_that_left_ends_the_watch(house: House) -> None:
    """The file is filed all the same, and nothing wrong is said of it."""

    class Left(list[Mapping[str, Any]]):
        def append(self, _: Mapping[str, Any]) -> None:
            raise ServiceError("output_fails", problem="Broken pipe")

    house.filed = Left()
    house.drop("a.csv")
    with pytest.raises(ServiceError):
        house.work(house.watch())
    assert house.tree() == ["processed/a.csv", "processed/a.csv.json"]
    assert house.view.said("tried again") == 0


def test_a_full_disk_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once for each file; the others go on, and the file is filed when there is room."""
    real = rename_new

    def full(source: int, name: str, target: int, new_name: str) -> None:
        if new_name.startswith("a."):
            raise OSError(28, os.strerror(28), name)
        real(source, name, target, new_name)

    monkeypatch.setattr(filing, "rename_new", full)
    house.drop("a.csv")
    house.drop("b.csv", ROWS + "r3,more\n")
    watcher = house.watch()
    house.work(watcher, 30)
    assert house.view.said("a.csv", "space") == 1
    assert house.tree() == ["a.csv", "processed/b.csv", "processed/b.csv.json"]
    monkeypatch.setattr(filing, "rename_new", real)
    house.work(watcher, 60)
    assert "processed/a.csv" in house.tree()
    assert house.count_batches() == 2


class TestOnce:
    """`--once` works off what is there and is over."""

    def test_it_is_over_when_everything_is_filed(self, house: House) -> None:
        """Bad files are counted; what comes later, or is still written to, is left."""
        house.drop("a.csv")
        house.drop("bad.csv", "")
        grows = house.drop("grows.csv")
        house.drop("nothing.txt")
        watcher = house.watch(once=True)
        house.work(watcher, 2)
        grows.write_text(ROWS + "r3,more\n")
        house.drop("late.csv", ROWS + "r4,more\n")
        assert house.work(watcher, 20)
        assert "processed/a.csv" in house.tree()
        assert "failed/bad.csv" in house.tree()
        assert {"grows.csv", "late.csv", "nothing.txt"} <= set(house.tree())
        assert (watcher.bad, house.view.said("grows.csv")) == (1, 1)

    def test_an_empty_folder_is_over_at_once(self, house: House) -> None:
        """There is nothing to wait for."""
        assert house.work(house.watch(once=True), 1)

    def test_it_does_not_wait_for_services_and_specs(self, house: House) -> None:
        """A scheduler is told by the exit status."""
        house.drop("a.csv")
        watcher = house.watch(once=True)
        (house.base / "small.toml").write_text("")
        with pytest.raises(SpecError):
            house.work(watcher)
        (house.base / "small.toml").write_text(SPEC)
        house.crew.failure = ServiceError("redis_fails", redis="x", problem="y")
        with pytest.raises(ServiceError):
            house.work(house.watch(once=True))
        house.crew.failure, house.crew.works = None, False
        house.crew.pinned = ModelError("model_pinned", model="stub", pinned="x")
        with pytest.raises(ModelError):
            house.work(house.watch(once=True))
        assert house.tree() == ["a.csv"]

    def test_a_file_that_cannot_be_filed_is_given_up(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It stays, counts as bad, and keeps nobody."""

        def full(*_: object) -> None:
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr(filing, "rename_new", full)
        house.drop("a.csv")
        watcher = house.watch(once=True)
        assert house.work(watcher, 60)
        assert (house.tree(), watcher.bad) == (["a.csv"], 1)
