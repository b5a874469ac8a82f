"""Looking at the folder now and then, and at once when something stirs there."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Final

from jobs.errors import SettingError
from workers.watch.folder import Folder, Look
from workers.watch.hopes import Hopes
from workers.watch.retries import Retries
from workers.watch.rules import Rules
from workers.watch.saying import EVERYTHING, Saying, name_problem
from workers.watch.seen import Mark, Seen
from workers.watch.settling import Decision, Still, decide
from workers.watch.stirring import Stirring

SECONDS_MIN: Final = 0.2
SHARE: Final = 10
"""A look is followed by at least this many times its own length without one."""


class Looking:
    """Knows which files may be taken now, oldest first: `ready`. `hopes` are those of `--once`."""

    def __init__(
        self,
        folder: Folder,
        rules: Rules,
        saying: Saying,
        stirring: Stirring,
        retries: Retries,
        hopes: Hopes | None,
        *,
        left_out: Collection[str],
        clock: Callable[[], float],
    ) -> None:
        self.ready: list[Seen] = []
        self._folder = folder
        self._rules = rules
        self._saying = saying
        self._stirring = stirring
        self._retries = retries
        self._hopes = hopes
        self._left_out = frozenset(left_out)
        self._clock = clock
        self._still: Mapping[str, Still] = {}
        self._last = self._next = -math.inf

    @property
    def idle_seconds(self) -> float:
        """How long until the next look is due."""
        return max(self._next - self._clock(), 0.0)

    def look(self, in_flight: Collection[tuple[str, Mark]]) -> None:
        """Look if it is time; `in_flight` are files that were taken and are not filed yet.

        Raises ServiceError if the folder is another one by now, and with `--once` SettingError
        if it cannot be read.
        """
        now = self._clock()
        stirred = self._stirring.stirred.is_set() and now >= self._last + SECONDS_MIN
        if not stirred and now < self._next:
            return
        self._stirring.stirred.clear()
        self._last, self._next = now, now + self._rules.file.scan_seconds
        try:
            self._folder.require_in_place()
            look = self._folder.look(self._left_out)
        except OSError as error:
            self._cannot_look(error)
            return
        decision = decide(look.files, self._still, self._rules.settle_seconds, now)
        self._say_what_is_odd(look, decision)
        self._still = decision.still
        self._sort(decision, in_flight)
        self._stirring.listen([self._folder.path / path for path in look.folders])
        soon = min(self._rules.file.scan_seconds, decision.next_seconds or math.inf)
        took = self._clock() - now
        self._next = now + took + max(soon, SECONDS_MIN, SHARE * took)

    def _cannot_look(self, error: OSError) -> None:
        problem = name_problem(error)
        if self._hopes is not None:
            folder = str(self._folder.path)
            raise SettingError("watch_folder_unusable", folder=folder, problem=problem) from error
        self._saying.say_once(EVERYTHING, "watch_cannot_look", problem=problem)

    def _say_what_is_odd(self, look: Look, decision: Decision) -> None:
        self._saying.keep(
            {*(seen.path for seen in look.files), *(one.path for one in look.unreadable)}
        )
        for path, still in decision.still.items():
            if path in self._still and self._still[path].mark != still.mark:
                self._saying.forget(path)
                self._retries.forget(path)
        for skip in decision.skipped:
            self._saying.say_once(skip.seen.path, skip.code)
        for one in look.unreadable:
            self._saying.say_once(one.path, "watch_cannot_look", problem=one.problem)

    def _sort(self, decision: Decision, in_flight: Collection[tuple[str, Mark]]) -> None:
        """Keep what may be taken now; files that no rule fits are said and left."""
        wanted: dict[str, Mark] = {}
        for seen in (*decision.ready, *decision.waiting):
            if self._rules.wants(seen.path):
                wanted[seen.path] = seen.mark
            else:
                self._saying.say_once(seen.path, "watch_leaves")
        if self._hopes is not None:
            for path in self._hopes.look(wanted):
                self._saying.say_once(path, "watch_still_written")
        self.ready = [
            seen
            for seen in decision.ready
            if seen.path in wanted
            and (seen.path, seen.mark) not in in_flight
            and (self._hopes is None or self._hopes.has(seen.path, seen.mark))
            and self._retries.may(seen.path)
        ]
