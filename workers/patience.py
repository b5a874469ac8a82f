"""How long a run waits for a cloud that takes nothing: it says so, and in the end gives up."""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from jobs.errors import ServiceError
from jobs.job import CLOUD_QUEUE, RequestStatus
from jobs.store.cloud import CallEnd
from jobs.store.results import Tally
from workers.view import View

SAY_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 2.0
WAITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cloud_unreachable": "cloud_waits_unreachable",
        "cloud_rate_limited": "cloud_waits_busy",
        "cloud_overloaded": "cloud_waits_busy",
    }
)
"""What a sender tries again by itself -> what a waiting run says of it."""


class Patience:
    """Watches the rows of one batch that wait for the cloud."""

    def __init__(
        self,
        view: View,
        give_up_seconds: float,
        newest_end: Callable[[], CallEnd | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view = view
        self._give_up_seconds = give_up_seconds
        self._newest_end = newest_end
        self._clock = clock
        self._next_look = self._next_words = self._moved_at = clock()
        self._ended = -1
        self._heard: int | None = None

    def look(self, needed: Sequence[str], tally: Tally) -> None:
        """Say what keeps rows from the cloud, once and then now and then.

        Raises ServiceError when only a cloud that turns every row away is waited for and nothing
        has moved for too long; the rows stay as they are, for the next run. A sender that is busy
        with other batches is no such cloud.
        """
        if CLOUD_QUEUE not in needed:
            self._moved_at = self._clock()
        elif self._clock() >= self._next_look:
            self._next_look = self._clock() + LOOK_SECONDS
            self._judge(needed, tally, self._newest_end())

    def _judge(self, needed: Sequence[str], tally: Tally, newest: CallEnd | None) -> None:
        turned_away = newest is not None and newest.status is RequestStatus.NOT_CHARGED
        heard = self._heard if newest is None or turned_away else newest.request_id
        if (tally.ended, heard) != (self._ended, self._heard) or list(needed) != [CLOUD_QUEUE]:
            self._moved_at = self._clock()
        self._ended, self._heard = tally.ended, heard
        waits = WAITS.get(newest.problem or "") if newest is not None and turned_away else None
        if waits is None:
            return
        if self._clock() >= self._next_words:
            self._next_words = self._clock() + SAY_SECONDS
            self._view.say(waits, rows=tally.escalated)
        if self._clock() - self._moved_at >= self._give_up_seconds:
            seconds = int(self._give_up_seconds)
            raise ServiceError("cloud_gives_up", rows=tally.escalated, seconds=seconds)
