"""One local model works at a time, the oldest batch first; others take their turn."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import ModelError, ServiceError
from jobs.job import CLOUD_QUEUE, RequestStatus
from jobs.store import Database, chunks, cloud
from jobs.store.cloud import CallEnd
from tests.store.making import make_batch
from tests.watch.making import FakeCrew, HeardView, seen
from tests.watch.test_filing import NOW
from workers.watch.answering import TURN_SECONDS, Answering, choose_models
from workers.watch.outcome import Taken

MODELS = st.lists(st.sampled_from(["a", "b", CLOUD_QUEUE]), max_size=3, unique=True)


@pytest.mark.parametrize(
    ("needed", "current", "over", "chosen"),
    [
        ([], "a", False, []),
        ([["a", "b"]], None, False, ["a"]),
        ([["b"], ["a"]], "a", False, ["a"]),
        ([["b"], ["a"]], "a", True, ["b"]),
        ([["a"], ["a"]], "a", True, ["a"]),
        ([["b"], [CLOUD_QUEUE]], "a", False, ["b", CLOUD_QUEUE]),
        ([[CLOUD_QUEUE]], "a", True, [CLOUD_QUEUE]),
    ],
)
def test_models_take_turns(
    needed: list[list[str]], current: str | None, over: bool, chosen: list[str]
) -> None:
    """The model at work stays while it has work, until its turn is over and another waits."""
    assert choose_models(needed, current, turn_is_over=over) == chosen


@given(st.lists(MODELS, max_size=5), st.sampled_from(["a", "b", None]), st.booleans())
def test_somebody_works_while_anything_waits(
    needed: list[list[str]], current: str | None, over: bool
) -> None:
    """At most one local model, always one where a batch needs one, the cloud where it is needed."""
    chosen = choose_models(needed, current, turn_is_over=over)
    local = [name for name in chosen if name != CLOUD_QUEUE]
    assert len(local) == any(name != CLOUD_QUEUE for names in needed for name in names)
    assert set(chosen) <= {name for names in needed for name in names}
    assert (CLOUD_QUEUE in chosen) == any(CLOUD_QUEUE in names for names in needed)


def taken(identity: str = "i1", path: str = "a.csv") -> Taken:
    """A file of a batch."""
    return Taken(path, seen().mark, None, identity, None, {}, NOW)


def make_answering(database: Database, crew: FakeCrew, now: list[float]) -> Answering:
    """With a clock in hand."""
    return Answering(database, crew, HeardView(), clock=lambda: now[0])  # type: ignore[arg-type]


def test_a_batch_is_worked_on_until_it_ends(sqlite: Database) -> None:
    """Files of the same content wait for the same batch; then the flight is over."""
    crew = FakeCrew(sqlite)
    answering = make_answering(sqlite, crew, [0.0])
    answering.add(make_batch(sqlite), taken())
    assert (answering.join(taken(path="b.csv")), answering.join(taken("i2"))) == (True, False)
    assert answering.look() == []
    assert answering.work() == []
    (ended,) = answering.look()
    assert [file.path for file in ended.flight.files] == ["a.csv", "b.csv"]
    answering.keep("i1", ended.flight.files[1:])
    assert [file.path for file in answering.files] == ["b.csv"]
    answering.keep("i1", [])
    assert (len(answering), answering.look(), crew.ensured) == (0, [], [["stub"]])


def test_a_pinned_batch_holds_up_no_other(sqlite: Database) -> None:
    """What keeps one batch is told; the crew goes on."""
    crew = FakeCrew(sqlite)
    crew.works, crew.pinned = False, ModelError("model_pinned", model="stub", pinned="x")
    now = [0.0]
    answering = make_answering(sqlite, crew, now)
    answering.add(make_batch(sqlite), taken())
    answering.look()
    assert [stuck.error.code for stuck in answering.work()] == ["model_pinned"]
    now[0] = TURN_SECONDS
    answering.work()
    assert crew.ensured == [["stub"], ["stub"]]


@pytest.mark.parametrize("give_up_seconds", [math.inf, 600.0])
def test_a_cloud_that_takes_nothing_is_said_and_waited_for(
    give_up_seconds: float, sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For ever by a watch that goes on; only one with an end gives up."""
    away = CallEnd(1, RequestStatus.NOT_CHARGED, "cloud_unreachable")
    monkeypatch.setattr(chunks, "needed_models", lambda *_: [CLOUD_QUEUE])
    monkeypatch.setattr(cloud, "newest_end", lambda *_: away)
    view, now = HeardView(), [0.0]
    crew = FakeCrew(sqlite)
    crew.works = False
    answering = Answering(
        sqlite,
        crew,  # type: ignore[arg-type]
        view,
        give_up_seconds=give_up_seconds,
        clock=lambda: now[0],
    )
    answering.add(make_batch(sqlite), taken())

    def wait(seconds: int) -> None:
        for _ in range(0, seconds, 2):
            now[0] += 2
            answering.look()
            answering.work()

    wait(590)
    assert 9 <= view.said("cloud_waits_unreachable") <= 11
    if give_up_seconds == math.inf:
        wait(1_000)
    else:
        with pytest.raises(ServiceError):
            wait(20)
