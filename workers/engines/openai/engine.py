"""Answers questions by asking model servers; one thread with one event loop owns all of it.

A row that is sent and gets no answer is sent again, to another server if there is one: asking
twice does no harm here. What is a server's fault (it is away, busy, loading) never counts against
a row. A row that fails where others are answered is asked alone, at a server that has just shown
that it is well, and is given up after so many strikes; its neighbours do not wait for it.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from jobs.errors import EngineStopped
from jobs.prompt import Asked, Completion, Prompt, Question
from workers.engines.openai.asking import ask
from workers.engines.openai.failures import Meaning
from workers.engines.openai.probe import is_well
from workers.engines.openai.reply import Reply
from workers.engines.openai.returning import Watch
from workers.engines.openai.server import Server, Visit, choose, reserve
from workers.engines.openai.ticket import Ticket, find_fault
from workers.engines.openai.wire import WireError
from workers.engines.protocol import Counters, EngineModel
from workers.engines.thread import describe_error

TICK_SECONDS: Final = 0.25
_log = logging.getLogger(__name__)
log = structlog.get_logger()


class ServerEngine:
    """An engine that asks servers; see `workers.engines.protocol.Engine`."""

    def __init__(
        self,
        model: EngineModel,
        servers: Sequence[Server],
        watch: Watch,
        *,
        patience_seconds: float,
        timeout_seconds: float,
        thinking_tokens: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._servers = tuple(servers)
        self._watch = watch
        self._patience_seconds = patience_seconds
        self._timeout_seconds = timeout_seconds
        self._thinking_tokens = thinking_tokens
        self._clock = clock
        self._counters = Counters()
        self._lock = threading.Lock()
        self._outstanding: dict[int, Ticket] = {}
        self._ended = False
        self._waiting: deque[Ticket] = deque()
        self._suspects: deque[Ticket] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._beat_at = self._progress_at = clock()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, name=f"engine {model.name}", daemon=True
        )
        self._thread.start()
        self._ready.wait()

    @property
    def model(self) -> EngineModel:
        return self._model

    @property
    def asks(self) -> Asked:
        """It only talks."""
        return "question"

    def submit(
        self,
        prompts: Sequence[Prompt | Question],
        deliver: Callable[[Completion], None],
        *,
        alone: bool = False,
        owner: object = None,
    ) -> None:
        """Queue questions; raises EngineStopped, and TypeError for a prompt."""
        tickets = []
        for question in prompts:
            if not isinstance(question, Question):
                raise TypeError("this engine only talks")
            tickets.append(Ticket(question, deliver, alone, owner))
        with self._lock:
            if self._ended:
                raise EngineStopped("engine_stopped", model=self._model.name)
            if not self._outstanding:
                self._progress_at = self._clock()
            self._outstanding.update((id(ticket), ticket) for ticket in tickets)
            self._loop.call_soon_threadsafe(self._take, tickets)

    def withdraw(self, keys: Collection[int], *, owner: object = None) -> None:
        """Hand back what is not answered yet; a request that is out is given up."""
        wanted = frozenset(keys)
        with self._lock:
            if not self._ended:
                self._loop.call_soon_threadsafe(self._give_back, wanted, owner)

    def stalled_seconds(self) -> float:
        """Seconds since the loop last turned while work is waiting; servers have their timeouts."""
        with self._lock:
            return self._clock() - self._beat_at if self._outstanding else 0.0

    def counters(self) -> Counters:
        busy = sum(server.busy_ms for server in self._servers) / 1000
        return replace(self._counters, busy_seconds=busy)

    def close(self) -> None:
        """Give up what is out, hand back everything, close the connections."""
        with self._lock:
            if not self._ended:
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _serve(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:
            _log.critical("engine thread of %s died: %s", self._model.name, describe_error(error))
        finally:
            self._ready.set()
            with self._lock:
                self._ended = True
            for ticket in tuple(self._outstanding.values()):
                self._answer(ticket, ticket.fail("withdrawn"))

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        for server in self._servers:
            if not server.up:
                self._start(self._bring_back(server))
            self._start(self._watch.observe(server, self._take_down))
        self._start(self._tick())
        try:
            await self._stop.wait()
        finally:
            with self._lock:
                self._ended = True
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for server in self._servers:
                await server.wire.close()

    def _start(self, what: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self._loop.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._end_task)
        return task

    def _end_task(self, task: "asyncio.Task[None]") -> None:
        """Forget a task; one that broke ends the engine, which hands its row back to be tried."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.critical("a task of %s died: %s", self._model.name, describe_error(error))
            self._stop.set()

    async def _tick(self) -> None:
        """Turn the loop now and then: pauses end, and patience does."""
        while True:
            self._beat_at = self._clock()
            self._pump()
            waits = self._beat_at - self._progress_at if self._outstanding else 0.0
            up = any(server.up for server in self._servers)
            patience = self._patience_seconds + self._timeout_seconds * up
            if waits > patience or all(server.changed for server in self._servers):
                log.error("servers_given_up", model=self._model.name, seconds=round(waits))
                self._stop.set()
            await asyncio.sleep(TICK_SECONDS)

    def _take(self, tickets: Iterable[Ticket]) -> None:
        for ticket in tickets:
            (self._suspects if ticket.alone else self._waiting).append(ticket)
        self._pump()

    def _give_back(self, wanted: Collection[int], owner: object) -> None:
        with self._lock:
            tickets = tuple(self._outstanding.values())
        for ticket in tickets:
            if ticket.question.key in wanted and owner in (None, ticket.owner):
                self._forget(ticket)
                self._answer(ticket, ticket.fail("withdrawn"))
        self._pump()

    def _forget(self, ticket: Ticket) -> None:
        if ticket.task is not None:
            ticket.task.cancel()
        for queue in (self._waiting, self._suspects):
            if ticket in queue:
                queue.remove(ticket)

    def _pump(self) -> None:
        """Send what can be sent."""
        if self._stop.is_set():
            return
        now = self._clock()
        server = reserve(self._servers, now, wanted=bool(self._suspects))
        if server is not None:
            self._send_alone(self._suspects.popleft(), server)
        while self._waiting and (server := choose(self._servers, now)) is not None:
            self._send(self._waiting.popleft(), server)

    def _send(self, ticket: Ticket, server: Server) -> None:
        visit = ticket.visit = server.enter(self._clock())
        task = ticket.task = self._start(self._ask(ticket, server, visit))
        # A task that is cancelled before its first step runs no line of its own.
        task.add_done_callback(lambda _: self._leave(ticket, server, visit))

    def _send_alone(self, ticket: Ticket, server: Server) -> None:
        server.taken = True
        task = ticket.task = self._start(self._ask_alone(ticket, server))

        def release(_: object) -> None:
            server.taken = server.reserved = False
            self._pump()

        task.add_done_callback(release)

    def _leave(self, ticket: Ticket, server: Server, visit: Visit) -> None:
        """End a visit once; the ticket may be out elsewhere by now."""
        if ticket.visit is visit:
            ticket.device_ms += server.leave(visit, self._clock())
            ticket.visit = None

    async def _ask_alone(self, ticket: Ticket, server: Server) -> None:
        profile = server.profile
        if profile is None or not await is_well(server.wire, profile.identity.model):
            self._take_down(server, "server_error")
            self._suspects.appendleft(ticket)
            return
        visit = ticket.visit = server.enter(self._clock())
        try:
            await self._ask(ticket, server, visit, alone=True)
        finally:
            self._leave(ticket, server, visit)

    async def _ask(
        self, ticket: Ticket, server: Server, visit: Visit, *, alone: bool = False
    ) -> None:
        result = await ask(server, ticket.question, self._thinking_tokens)
        self._leave(ticket, server, visit)
        ticket.task = None
        if isinstance(result, Reply):
            self._accept(ticket, server, result)
        else:
            self._settle(ticket, server, result, visit.at, alone=alone)
        self._pump()

    def _accept(self, ticket: Ticket, server: Server, reply: Reply) -> None:
        server.succeed()
        completion = ticket.complete(reply)
        usage = completion.usage
        work = float(usage.prompt_tokens + usage.output_tokens) or 1.0
        server.pace.finished(self._clock(), work, full=bool(self._waiting))
        old = self._counters
        self._counters = replace(
            old,
            steps=old.steps + 1,
            forwarded_tokens=old.forwarded_tokens + usage.prompt_tokens,
            shared_tokens=old.shared_tokens + usage.shared_tokens,
            generated_tokens=old.generated_tokens + usage.output_tokens,
        )
        self._answer(ticket, completion)

    def _settle(
        self,
        ticket: Ticket,
        server: Server,
        result: Meaning | WireError,
        sent_at: float,
        *,
        alone: bool,
    ) -> None:
        """Do what follows for a row without an answer, and for the server it was at."""
        now = self._clock()
        state, code = find_fault(result)
        if state == "well":
            server.succeed()
            self._answer(ticket, ticket.fail(code))
            return
        if state in ("busy", "slow"):
            server.pace.turned_away(now, sent_at)
        if state == "busy":
            wait = result.retry_after_seconds if isinstance(result, Meaning) else None
            server.pause(now, wait)
        elif state == "down":
            self._take_down(server, code)
        else:
            self._progress_at = now
            ticket.note_fault(slow=state == "slow", alone=alone)
            if server.fail():
                self._take_down(server, code)
        if ticket.is_lost:
            self._answer(ticket, ticket.fail("server_failed"))
        elif ticket.is_suspect:
            self._suspects.append(ticket)
        else:
            self._waiting.appendleft(ticket)

    def _take_down(self, server: Server, code: str) -> None:
        if server.up:
            server.go_down()
            log.warning("server_down", model=self._model.name, server=server.shown, code=code)
            self._start(self._bring_back(server))

    async def _bring_back(self, server: Server) -> None:
        await self._watch.bring_back(server)
        log.warning("server_up", model=self._model.name, server=server.shown)
        self._pump()

    def _answer(self, ticket: Ticket, completion: Completion) -> None:
        """Deliver once; a consumer that raises loses its own answer and nobody else's."""
        with self._lock:
            if self._outstanding.pop(id(ticket), None) is None:
                return
        self._progress_at = self._clock()
        self._counters = replace(self._counters, rows=self._counters.rows + 1)
        try:
            ticket.deliver(completion)
        except Exception as error:
            _log.error("delivery of row %d failed: %s", completion.key, describe_error(error))
