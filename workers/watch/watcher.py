"""The loop: look at the folder, take what is complete, answer it, file what has ended."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jobs.errors import ModelError, SekishoError, ServiceError, UsageError
from workers.watch.answering import Answering, Ended
from workers.watch.ending import Ending, WriteResults
from workers.watch.filing import Slot
from workers.watch.hopes import Hopes
from workers.watch.looking import Looking
from workers.watch.outcome import Taken, refuse, refuse_unmatched, show_end
from workers.watch.retries import Retries, pause_after
from workers.watch.rules import FAILED, Rules
from workers.watch.saying import EVERYTHING, Saying, name_problem
from workers.watch.seen import Seen
from workers.watch.specs import Specs
from workers.watch.taking import READ_AGAIN, Taking
from workers.watch.undisturbed import undisturbed

FLIGHTS_MAX: Final = 16
"""How many batches are in flight at once; other files wait in the folder."""

BUSY_SECONDS: Final = 0.25
FORGIVEN_SECONDS: Final = 120.0
TRIES_ONCE: Final = 3
ENDING: Final = frozenset({"database_replaced", "output_fails", "watch_folder_replaced"})
"""What cannot come right while this process lives."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a watch works; `once` ends it when what is there now has been filed."""

    write_results: WriteResults
    on_filed: Callable[[Mapping[str, Any]], object] = lambda _: None
    once: bool = False
    device: str = "cpu"


class Watcher:
    """One folder's files on their way; a call of `step` does what can be done now."""

    def __init__(
        self,
        looking: Looking,
        rules: Rules,
        specs: Specs,
        taking: Taking,
        answering: Answering,
        ending: Ending,
        saying: Saying,
        retries: Retries,
        hopes: Hopes | None,
        options: WatchOptions,
        clock: Callable[[], float],
    ) -> None:
        self.bad = 0
        self.pause_seconds = 0.0
        self._looking = looking
        self._rules = rules
        self._specs = specs
        self._taking = taking
        self._answering = answering
        self._ending = ending
        self._saying = saying
        self._retries = retries
        self._hopes = hopes
        self._options = options
        self._clock = clock
        self._failures = 0
        self._failed_at = self._rest_until = -math.inf

    def step(self) -> bool:
        """Do one round; True when `once` is over. Raises what cannot be waited out."""
        now = self._clock()
        if now < self._rest_until:
            self.pause_seconds = BUSY_SECONDS
            return False
        try:
            self._looking.look({(taken.path, taken.mark) for taken in self._answering.files})
            took = self._take_next()
            for ended in self._answering.look():
                self._file_all(ended)
            for stuck in self._answering.work():
                self._wait_for(stuck.flight.files[0].path, stuck.error)
        except (ServiceError, ModelError) as error:
            self._rest(error)
            return False
        if self._failures and now - self._failed_at > FORGIVEN_SECONDS:
            self._failures = 0
            self._saying.forget(EVERYTHING)
        busy = BUSY_SECONDS if len(self._answering) else self._looking.idle_seconds
        self.pause_seconds = 0.0 if took else busy
        return self._hopes is not None and self._hopes.are_over and not len(self._answering)

    def _rest(self, error: SekishoError) -> None:
        """Leave everything as it is for a while: a service is down, or a worker cannot work."""
        if self._options.once or error.code in ENDING:
            raise error
        self._failures += 1
        self._failed_at = self._clock()
        self._rest_until = self._failed_at + pause_after(self._failures)
        self._saying.say_error(EVERYTHING, "watch_rests", error)
        self._answering.start_again()

    def _take_next(self) -> bool:
        """Hand in the next file; False if there is none, or enough are in flight."""
        if not self._looking.ready or len(self._answering) >= FLIGHTS_MAX:
            return False
        seen = self._looking.ready.pop(0)
        try:
            self._take(seen)
        except OSError as error:
            self._try_later(seen.path, name_problem(error))
        except UsageError as error:
            if error.code in READ_AGAIN:
                self._try_later(seen.path, str(error.params.get("reason", error.code)))
            else:
                self._wait_for(seen.path, error)
        return True

    def _take(self, seen: Seen) -> None:
        rule = self._rules.find(seen.path)
        if rule is None:
            taken, outcome = refuse_unmatched(seen, self._saying.language)
            self._end(taken, self._ending.prepare_refused(taken, outcome))
            return
        spec = self._specs.get(self._rules.spec_path(rule))
        handing = self._taking.take(seen, rule, spec, self._answering.join)
        if handing is None:  # another file by now, which has to stand still first
            return
        if handing.refused is not None:
            error = handing.refused
            outcome = refuse(error.code, error.params, self._saying.language)
            self._end(handing.taken, self._ending.prepare_refused(handing.taken, outcome))
            return
        if handing.batch is not None:
            self._answering.add(handing.batch, handing.taken)
            batch_id = handing.batch.batch_id
            self._saying.say_once(seen.path, "watch_takes", batch=batch_id)
        if self._hopes is not None:
            self._hopes.drop(seen.path)

    def _file_all(self, ended: Ended) -> None:
        """File the files of a batch that has ended; those that cannot be filed now stay with it."""
        left: list[Taken] = []
        for taken in ended.flight.files:
            if not self._retries.may(taken.path):
                left.append(taken)
                continue
            try:
                self._end(taken, self._ending.prepare(taken, ended.batch))
            except OSError as error:
                if not self._try_later(taken.path, name_problem(error)):
                    left.append(taken)
        self._answering.keep(ended.flight.identity, left)

    def _end(self, taken: Taken, slot: Slot | None) -> None:
        """File a file and say so, as one step."""
        with undisturbed():
            self._tell(taken, None if slot is None else self._ending.finish(taken, slot))

    def _tell(self, taken: Taken, sidecar: Mapping[str, Any] | None) -> None:
        """Say how a file ended."""
        self._retries.forget(taken.path)
        if self._hopes is not None:
            self._hopes.drop(taken.path)
        if sidecar is None:
            self._saying.say_once(taken.path, "watch_gone")
            return
        self.bad += str(sidecar["filed_as"]).startswith(f"{FAILED}/")
        self._saying.say_once(taken.path, "watch_filed", **show_end(sidecar))
        self._saying.forget(taken.path)
        self._options.on_filed(sidecar)

    def _try_later(self, path: str, problem: str) -> bool:
        """Say what keeps a file from being read or filed; True if it is given up, with `once`."""
        failures = self._retries.fail(path)
        self._saying.say_once(path, "watch_tries_again", problem=problem)
        over = self._hopes is not None and failures >= TRIES_ONCE
        if over and self._hopes is not None:
            self._hopes.drop(path)
            self.bad += 1
        return over

    def _wait_for(self, path: str, error: SekishoError) -> None:
        """Say what a file waits for: its spec, a model."""
        if self._options.once:
            raise error
        self._retries.fail(path)
        self._saying.say_error(path, "watch_waits", error)
