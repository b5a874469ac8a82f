"""The worker process: one device and its engine, or the sender, under Dramatiq threads.

Started by the supervisor.
It speaks to its supervisor by lines of JSON on stdout (`loading`, `waiting`, `ready`, `failed`)
and stops, giving unfinished chunks back, on SIGTERM or when its stdin ends: the supervisor died.
"""

import argparse
import json
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import dramatiq
import structlog

from jobs.errors import EngineStopped, SekishoError, ServiceError, SettingError
from jobs.job import CLOUD_QUEUE, Hint, queue_name
from jobs.prices import built_in_prices
from jobs.store import Database, open_database, price_list, workers
from jobs.store.workers import Worker
from workers.actors import declare_answer_chunk
from workers.broker import Queues
from workers.cloud import Sender
from workers.device import gpu_layers_on, hold_devices, locks_of, pin, rate_on
from workers.engines import Engine
from workers.engines.load import load_engine
from workers.execute import Executor
from workers.handler import Handler
from workers.journal import Journal
from workers.log import configure_log
from workers.models import find_model
from workers.settings import Settings, read_settings

log = structlog.get_logger()

EXIT_ENGINE: Final = 70
EXIT_STALLED: Final = 71
EXIT_FAILED: Final = 72
NETWORK: Final = "network"
"""The device of senders."""
IDLE_MS: Final = 200
LEAVE_SECONDS: Final = 2.0
"""Dramatiq's threads notice a stop within IDLE_MS, or not at all while Redis is away."""


def main() -> None:
    """Load the model, work until told to stop, leave nothing behind."""
    arguments = _parse()
    configure_log()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to handle
    threading.Thread(target=_watch_parent, args=(stop,), daemon=True).start()
    try:
        settings = read_settings()
        if arguments.model == CLOUD_QUEUE:
            sys.exit(_send(settings, stop))
        model = find_model(settings, arguments.model)
        pin(arguments.cores)
        # The stub and servers need no device of this machine to themselves.
        locks = locks_of(arguments.device) if model.section.engine == "llama" else []
        with hold_devices(locks, stop, on_wait=lambda: _tell("waiting")) as held:
            if held:
                _tell("loading")
                journal = Journal(Path(arguments.journal))
                layers = gpu_layers_on(arguments.device) if model.server_device is None else 0
                engine = load_engine(
                    model,
                    journal,
                    gpu_layers=layers,
                    stop=stop,
                    on_wait=lambda: _tell("server_loading"),
                )
                sys.exit(_work(settings, engine, arguments.device, stop, model.rate_device))
    except SekishoError as error:
        params = {name: str(value) for name, value in error.params.items()}
        _tell("failed", kind=type(error).__name__, code=error.code, params=params)
        sys.exit(EXIT_FAILED)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.process")
    parser.add_argument("--model", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--journal", required=True)
    parser.add_argument("--cores", type=int, nargs="*", default=())
    return parser.parse_args()


def _watch_parent(stop: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    stop.set()


def _tell(event: str, **facts: object) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)  # noqa: T201 - the supervisor reads it


def _work(
    settings: Settings,
    engine: Engine,
    device: str,
    stop: threading.Event,
    rate_device: str | None,
) -> int:
    """Answer chunks with an engine until stopped; return the exit status.

    Its time costs what `rate_device` does, by default the device itself.
    """
    database = open_database(settings.database_url)
    place = engine.model.place or device
    worker = _describe(place, engine.model.name, engine.model.file_hash)
    workers.register(database, worker, engine.model.context_tokens)
    rate = rate_on(settings, rate_device or device)
    executor = Executor(database, engine, worker, rate, settings.worker, cache=settings.cache)

    def feel_pulse() -> tuple[int, float]:
        # A native call cannot be interrupted, so a hang is left to the supervisor as a crash.
        if engine.stalled_seconds() > settings.worker.stall_seconds:
            log.error("engine_stalled", worker=worker.worker_id)
            os._exit(EXIT_STALLED)
        counters = engine.counters()
        return counters.rows, counters.busy_seconds

    post = Post(queue_name(worker.model_name), settings.worker.threads, feel_pulse)
    status = _serve(settings, database, worker, executor, post, stop)
    engine.close()
    log.info("engine_closed", worker=worker.worker_id, **asdict(engine.counters()))
    return status


def _send(settings: Settings, stop: threading.Event) -> int:
    """Ask the cloud until stopped; return the exit status."""
    try:
        from workers.engines.anthropic import Anthropic  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise SettingError("cloud_not_installed", package=error.name) from error
    database = open_database(settings.database_url)
    worker = _describe(NETWORK, CLOUD_QUEUE, "")
    workers.register(database, worker, 0)
    section = settings.cloud
    sender = Sender(
        database,
        worker,
        lambda model: Anthropic(model, timeout_seconds=section.timeout_seconds),
        lambda: (*price_list.stored(database), *built_in_prices()),
        section,
        destination=name_destination(os.environ.get("ANTHROPIC_BASE_URL")),
    )
    post = Post(CLOUD_QUEUE, section.threads, lambda: (0, 0.0))
    return _serve(settings, database, worker, sender, post, stop)


def name_destination(address: str | None) -> str:
    """Return where rows go for the audit log: host and port, never a user, password or query."""
    if not address:
        return "api.anthropic.com"
    host = urlsplit(address).netloc.rpartition("@")[2]
    return host or "unknown"


@dataclass(frozen=True, slots=True)
class Post:
    """Which queue is served by how many threads, and how the handler says that it lives."""

    queue: str
    threads: int
    feel_pulse: Callable[[], tuple[int, float]]


def _serve(
    settings: Settings,
    database: Database,
    worker: Worker,
    handler: Handler,
    post: Post,
    stop: threading.Event,
) -> int:
    """Hand the queue's messages to the handler until stopped; retire; return the exit status."""
    queues = Queues(settings.redis_url or "")
    queues.ping()
    broken = threading.Event()

    def answer(hint: Hint) -> None:
        try:
            handler.answer(hint)
        except EngineStopped:
            broken.set()
            stop.set()

    declare_answer_chunk(queues.broker, post.queue, answer)
    threads = dramatiq.Worker(queues.broker, worker_timeout=IDLE_MS, worker_threads=post.threads)
    # Prefetching more than the threads hold would only keep chunks from other workers.
    threads.queue_prefetch = post.threads
    threads.start()
    _tell("ready", worker_id=worker.worker_id)
    _watch(database, worker, settings, post, stop)
    _end_hard_after(settings.worker.grace_seconds + LEAVE_SECONDS)
    handler.stop()
    handler.wait_idle(settings.worker.grace_seconds)
    workers.retire(database, worker.worker_id)
    queues.leave(threads, seconds=LEAVE_SECONDS)
    return EXIT_ENGINE if broken.is_set() else 0


def _end_hard_after(seconds: float) -> None:
    """Let no native call keep this process from ending; nobody may be left to kill it."""
    timer = threading.Timer(seconds, os._exit, [EXIT_ENGINE])
    timer.daemon = True
    timer.start()


def _describe(device: str, model_name: str, model_hash: str) -> Worker:
    host = socket.gethostname()
    return Worker(
        worker_id=f"{host[:48]}-{os.getpid()}-{secrets.token_hex(4)}",
        host=host,
        pid=os.getpid(),
        device=device,
        model_name=model_name,
        model_hash=model_hash,
    )


def _watch(
    database: Database, worker: Worker, settings: Settings, post: Post, stop: threading.Event
) -> None:
    """Give signs of life until stopped."""
    while not stop.wait(settings.worker.heartbeat_seconds):
        rows_done, busy_seconds = post.feel_pulse()
        try:
            database.require_in_place()
            workers.beat(database, worker.worker_id, rows_done=rows_done, busy_seconds=busy_seconds)
        except ServiceError as error:
            log.warning("service_down", code=error.code, **error.params)
            if error.code == "database_replaced":
                return


if __name__ == "__main__":
    main()
