"""The worker process: one device, one engine, Dramatiq threads. Started by the supervisor.

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
from pathlib import Path
from typing import Final

import dramatiq
import structlog

from jobs.errors import EngineStopped, SekishoError, ServiceError
from jobs.job import Hint, queue_name
from jobs.store import Database, open_database, workers
from jobs.store.workers import Worker
from workers.actors import declare_answer_chunk
from workers.broker import Queues
from workers.device import hold_device
from workers.engines import Engine
from workers.engines.load import load_engine
from workers.execute import Executor
from workers.journal import Journal
from workers.log import configure_log
from workers.models import find_model
from workers.settings import Settings, read_settings

log = structlog.get_logger()

EXIT_ENGINE: Final = 70
EXIT_STALLED: Final = 71
EXIT_FAILED: Final = 72
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
        model = find_model(settings, arguments.model)
        device = arguments.device if model.section.engine == "llama" else f"stub-{os.getpid()}"
        with hold_device(device, stop, on_wait=lambda: _tell("waiting")) as held:
            if held:
                _tell("loading")
                engine = load_engine(model, Journal(Path(arguments.journal)))
                sys.exit(_work(settings, engine, arguments.device, stop))
    except SekishoError as error:
        params = {name: str(value) for name, value in error.params.items()}
        _tell("failed", kind=type(error).__name__, code=error.code, params=params)
        sys.exit(EXIT_FAILED)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.process")
    parser.add_argument("--model", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--journal", required=True)
    return parser.parse_args()


def _watch_parent(stop: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    stop.set()


def _tell(event: str, **facts: object) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)  # noqa: T201 - the supervisor reads it


def _work(settings: Settings, engine: Engine, device: str, stop: threading.Event) -> int:
    """Register, answer chunks until stopped, retire; return the exit status."""
    database = open_database(settings.database_url)
    queues = Queues(settings.redis_url or "")
    queues.ping()
    worker = _register(database, engine, device)
    executor = Executor(database, engine, worker, settings.device(device).rate, settings.worker)
    broken = threading.Event()

    def answer(hint: Hint) -> None:
        try:
            executor.answer(hint)
        except EngineStopped:
            broken.set()
            stop.set()

    declare_answer_chunk(queues.broker, queue_name(worker.model_name), answer)
    threads = dramatiq.Worker(
        queues.broker, worker_timeout=IDLE_MS, worker_threads=settings.worker.threads
    )
    # Prefetching more than the threads hold would only keep chunks from other workers.
    threads.queue_prefetch = settings.worker.threads
    threads.start()
    _tell("ready", worker_id=worker.worker_id)
    _watch(database, engine, worker, settings, stop)
    _end_hard_after(settings.worker.grace_seconds + LEAVE_SECONDS)
    executor.stop()
    executor.wait_idle(settings.worker.grace_seconds)
    workers.retire(database, worker.worker_id)
    queues.leave(threads, seconds=LEAVE_SECONDS)
    engine.close()
    return EXIT_ENGINE if broken.is_set() else 0


def _end_hard_after(seconds: float) -> None:
    """Let no native call keep this process from ending; nobody may be left to kill it."""
    timer = threading.Timer(seconds, os._exit, [EXIT_ENGINE])
    timer.daemon = True
    timer.start()


def _register(database: Database, engine: Engine, device: str) -> Worker:
    host = socket.gethostname()
    worker = Worker(
        worker_id=f"{host[:48]}-{os.getpid()}-{secrets.token_hex(4)}",
        host=host,
        pid=os.getpid(),
        device=device,
        model_name=engine.model.name,
        model_hash=engine.model.file_hash,
    )
    workers.register(database, worker, engine.model.context_tokens)
    return worker


def _watch(
    database: Database, engine: Engine, worker: Worker, settings: Settings, stop: threading.Event
) -> None:
    """Give signs of life until stopped; end the process hard when the engine hangs.

    A native call cannot be interrupted, so a hang is left to the supervisor as a crash.
    """
    while not stop.wait(settings.worker.heartbeat_seconds):
        if engine.stalled_seconds() > settings.worker.stall_seconds:
            log.error("engine_stalled", worker=worker.worker_id)
            os._exit(EXIT_STALLED)
        counters = engine.counters()
        try:
            database.require_in_place()
            workers.beat(
                database,
                worker.worker_id,
                rows_done=counters.rows,
                busy_seconds=counters.busy_seconds,
            )
        except ServiceError as error:
            log.warning("service_down", code=error.code, **error.params)
            if error.code == "database_replaced":
                return


if __name__ == "__main__":
    main()
