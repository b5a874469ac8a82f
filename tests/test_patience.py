"""A run that waits for the cloud says so now and then, and ends when nothing moves for too long."""

from dataclasses import dataclass, field, replace

import pytest

from jobs.errors import ServiceError
from jobs.job import CLOUD_QUEUE, RequestStatus
from jobs.store.cloud import CallEnd
from jobs.store.results import Tally
from jobs.words import LANGUAGES, Language, catalogue
from workers.patience import SAY_SECONDS, WAITS, Patience

WAITING = Tally(8, 0, 0, 0, 5, 3, 0, 0, 0, 0)
GIVE_UP_SECONDS = 300.0
AWAY = CallEnd(7, RequestStatus.NOT_CHARGED, "cloud_unreachable")


@dataclass
class Scene:
    """A run's patience on a clock of the test, and what it said."""

    newest: CallEnd | None = AWAY
    seconds: float = 0.0
    said: list[tuple[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.patience = Patience(self, GIVE_UP_SECONDS, lambda: self.newest, lambda: self.seconds)

    def say(self, code: str, **params: object) -> None:
        """Hear what is said."""
        self.said.append((code, params["rows"]))

    def show(self, name: str, tally: Tally, seconds: float) -> None:
        """Show nothing."""

    def end(self) -> None:
        """End nothing."""

    def wait(
        self, seconds: float, tally: Tally = WAITING, needed: tuple[str, ...] = (CLOUD_QUEUE,)
    ) -> None:
        """Let time pass, looking every two seconds."""
        until = self.seconds + seconds
        while self.seconds < until:
            self.patience.look(needed, tally)
            self.seconds += 2


def test_it_is_said_once_and_then_once_a_minute() -> None:
    """The first look says how many rows wait; the next words come a minute later."""
    scene = Scene()
    scene.wait(SAY_SECONDS)
    assert scene.said == [("cloud_waits_unreachable", 5)]
    scene.wait(SAY_SECONDS)
    assert len(scene.said) == 2


def test_it_ends_when_nothing_moves() -> None:
    """After the time that is set a service is down, and how many rows wait is told."""
    scene = Scene()
    scene.wait(GIVE_UP_SECONDS)
    with pytest.raises(ServiceError) as caught:
        scene.wait(10)
    assert caught.value.code == "cloud_gives_up"
    assert caught.value.params == {"rows": 5, "seconds": 300}


def test_a_row_that_ends_is_patience_anew() -> None:
    """Whatever moves, an ended row or a reply that was heard, starts the time again."""
    scene = Scene()
    scene.wait(GIVE_UP_SECONDS - 10)
    scene.wait(GIVE_UP_SECONDS - 10, replace(WAITING, done=4, escalated=4))
    scene.newest = CallEnd(9, RequestStatus.MAYBE_PAID, "cloud_timeout")
    scene.wait(4, replace(WAITING, done=4, escalated=4))
    scene.newest = AWAY
    scene.wait(GIVE_UP_SECONDS - 10, replace(WAITING, done=4, escalated=4))


def test_local_work_is_waited_for_without_end() -> None:
    """While a local model still answers rows, an unreachable cloud is said, no more."""
    scene = Scene()
    scene.wait(3 * GIVE_UP_SECONDS, needed=("stub", CLOUD_QUEUE))
    assert len(scene.said) == 15
    quiet = Scene()
    quiet.wait(3 * GIVE_UP_SECONDS, needed=("stub",))
    assert quiet.said == []


@pytest.mark.parametrize("newest", [None, CallEnd(1, RequestStatus.REPLIED, None)])
def test_a_sender_that_is_busy_elsewhere_is_waited_for(newest: CallEnd | None) -> None:
    """A batch whose turn has not come yet is no cloud that turns rows away."""
    scene = Scene(newest)
    scene.wait(3 * GIVE_UP_SECONDS)
    assert scene.said == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_wait_has_words(language: Language) -> None:
    """What is said while waiting names the rows, in both languages."""
    for code in WAITS.values():
        assert "{rows}" in catalogue(language)[code]
