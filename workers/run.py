"""`sekisho run`: submit + the same dispatcher, supervisor and workers as in production + wait."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs import submit
from jobs.complexity import rule_of
from jobs.deadline import Deadline
from jobs.job import CLOUD_QUEUE, BatchStatus
from jobs.prices import built_in_prices, check_cloud_model
from jobs.route import NO_CLOUD
from jobs.spec import Spec
from jobs.store import (
    Database,
    batches,
    chunks,
    cloud,
    price_list,
    results,
    sqlite_file,
    workers,
)
from jobs.store.batches import Batch
from jobs.store.results import Tally
from jobs.submit import Handed
from jobs.words import say
from workers.broker import Queues
from workers.crew import Crew
from workers.dispatch import Dispatcher
from workers.embedded_redis import embedded_redis
from workers.engines.load import check_model
from workers.models import find_model
from workers.notify import Notifier
from workers.patience import Patience
from workers.preflight import look_at_cloud
from workers.report import Report, report_on
from workers.settings import Settings
from workers.view import View

LOOK_SECONDS: Final = 0.2
UNFINISHED: Final = (BatchStatus.LOADING, BatchStatus.OPEN, BatchStatus.DECIDING)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run treats its files."""

    device: str = "cpu"
    force: bool = False
    partial: bool = False
    use_cache: bool = True
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What the steps of one run share."""

    settings: Settings
    database: Database
    spec: Spec
    options: RunOptions
    view: View
    pause: Callable[[float], object] = time.sleep
    checks: tuple[Callable[[], None], ...] = ()
    """Asked while it works; what they raise ends it."""


def prepare(
    settings: Settings, spec: Spec, paths: Sequence[Path], limit: int | None = None
) -> list[Handed]:
    """Read the files' bytes for their identity, and refuse what can never work.

    Raises SourceError for a file that cannot be read, ModelError for a model that is not there;
    nothing has been written then, not even a database.
    """
    check_cloud(settings, spec)
    handed = [submit.hand_in(path, spec, limit) for path in paths]
    for item in handed:
        submit.check_readable(item)
    path = sqlite_file(settings.database_url)
    if path is not None and not path.exists():
        check_models(settings, spec)
    return handed


def check_cloud(settings: Settings, spec: Spec) -> None:
    """Refuse a cloud model no price names, before a row could wait for it."""
    if spec.route.cloud != NO_CLOUD:
        own = price_list.find_stored(settings.database_url)
        check_cloud_model((*own, *built_in_prices()), spec.route.cloud)


def warn_of_cloud(settings: Settings, spec: Spec, view: View, *, from_here: bool) -> None:
    """Say on stderr, before any row is answered, what will keep rows from the cloud."""
    if spec.route.cloud == NO_CLOUD:
        return
    prices = (*price_list.find_stored(settings.database_url), *built_in_prices())
    for remark in look_at_cloud(spec, prices, from_here=from_here):
        if remark.level != "good":
            words = say(remark.code, settings.language, **remark.params)
            view.say("preflight_warns", words=words)


def run_files(run: Run, handed: Sequence[Handed]) -> list[Report]:
    """Answer every row of every file and return a report for each, in the order given.

    Files whose batch has ended are answered from SQL. Raises ModelError for a model that cannot
    be used and ServiceError for a service that is down, in both cases before anything of the
    file is written. On KeyboardInterrupt what is finished stays, and the same call goes on.
    """
    started = time.monotonic()
    ended = {item.identity: _find_ended(run, item) for item in handed}
    waiting = [item for item in handed if ended[item.identity] is None]
    if waiting:
        check_models(run.settings, run.spec)
        senders = workers.list_live(run.database, [CLOUD_QUEUE])
        warn_of_cloud(run.settings, run.spec, run.view, from_here=not senders)
        with start_services(run.settings, run.database, run.spec, run.options, run.view) as crew:
            for check in run.checks:
                crew.watch(check)
            for item in waiting:
                ended[item.identity] = _answer(run, item, crew)
    run.database.require_in_place()
    seconds = time.monotonic() - started
    finished = [batch for item in handed if (batch := ended[item.identity]) is not None]
    return [report_on(run.database, batch, seconds) for batch in finished]


def check_models(settings: Settings, spec: Spec) -> None:
    """Refuse a local model that is not there; raises ModelError."""
    for name in spec.route.tiers:
        check_model(find_model(settings, name))


def _find_ended(run: Run, handed: Handed) -> Batch | None:
    batch = batches.find(run.database, handed.identity)
    if batch is None or run.options.force or batch.status in UNFINISHED or batch.was_misread:
        return None
    return None if _may_retry(batch, run.options) else batch


def _may_retry(batch: Batch, options: RunOptions) -> bool:
    """A broken file that was refused is taken after all when only its good rows are wanted."""
    return batch.status is BatchStatus.FAILED and options.partial


@contextmanager
def start_services(
    settings: Settings, database: Database, spec: Spec, options: RunOptions, view: View
) -> Iterator[Crew]:
    """Have Redis, a dispatcher and workers of the spec's models; stop what is ours at the end."""
    with hold_services(settings, database, options.device, view) as crew:
        first = spec.route.tiers[rule_of(spec).least_tier]
        crew.ensure([first])
        crew.wait_ready(first)
        yield crew


@contextmanager
def hold_services(
    settings: Settings, database: Database, device: str, view: View
) -> Iterator[Crew]:
    """Have Redis, a dispatcher and a crew without anybody; stop what is ours at the end."""
    with ExitStack() as stack:
        settings = stack.enter_context(with_redis(settings))
        queues = Queues(settings.redis_url or "")
        stack.callback(queues.close)
        queues.ping()
        dispatcher = stack.enter_context(dispatching(settings, database, queues))
        crew = Crew(settings, database, device, lambda event: _tell(view, event))
        crew.watch(dispatcher.check)
        crew.watch(database.require_in_place)
        stack.callback(crew.stop)
        try:
            yield crew
        except KeyboardInterrupt:
            view.say("stopping_run", seconds=int(settings.worker.grace_seconds))
            raise


@contextmanager
def with_redis(settings: Settings) -> Iterator[Settings]:
    """Yield settings with a Redis in them: the one named, else the embedded one."""
    if settings.redis_url is not None:
        yield settings
        return
    with embedded_redis(settings.state_folder) as url:
        yield settings.model_copy(update={"redis_url": url, "embedded": True})


@contextmanager
def dispatching(settings: Settings, database: Database, queues: Queues) -> Iterator[Dispatcher]:
    """Run a dispatcher and the webhook's notifier beside the block, and replace a dead Redis."""
    stop, ended = threading.Event(), threading.Event()

    def replace_redis() -> None:
        if settings.embedded:
            with embedded_redis(settings.state_folder):
                pass

    dispatcher = Dispatcher(database, queues, settings.dispatch, settings.cache)

    def go_round() -> None:
        try:
            dispatcher.run(stop, replace_redis)
        finally:
            ended.set()

    threading.Thread(target=go_round, daemon=True).start()
    with Notifier(database, settings.notify, settings.language).running():
        try:
            yield dispatcher
        finally:
            stop.set()
            ended.wait()


def _tell(view: View, event: str) -> None:
    if event in ("loading", "waiting", "restarting", "server_loading"):
        view.say(f"worker_{event}")


def _answer(run: Run, handed: Handed, crew: Crew) -> Batch:
    """Load a file and wait until each of its rows has come to an end."""
    started = time.monotonic()
    name = handed.file.name
    found = batches.find(run.database, handed.identity)
    if found is not None and found.status in UNFINISHED and not run.options.use_cache:
        batches.stop_caching(run.database, found.batch_id)
    batch = submit.submit(
        run.database,
        handed,
        language=run.settings.language,
        wait=time.sleep,
        force=run.options.force or (found is not None and _may_retry(found, run.options)),
        partial=run.options.partial,
        use_cache=run.options.use_cache,
        deadline=run.options.deadline,
        on_progress=lambda records: run.view.say("loading_line", name=name, records=records),
        on_warning=lambda code, params: run.view.say(code, **params),
    )
    try:
        patience = _make_patience(run, batch)
        while batch.status in UNFINISHED:
            needed = chunks.needed_models(run.database, batch.batch_id)
            crew.ensure(needed)
            crew.check_pins(batches.pinned_models(run.database, batch.batch_id))
            patience.look(needed, _show(run, batch, started))
            run.pause(LOOK_SECONDS)
            batch = batches.get(run.database, batch.batch_id)
        _show(run, batch, started)
    finally:
        run.view.end()
    return batch


def _make_patience(run: Run, batch: Batch) -> Patience:
    seconds = run.settings.cloud.give_up_seconds
    return Patience(run.view, seconds, lambda: cloud.newest_end(run.database, batch.batch_id))


def _show(run: Run, batch: Batch, started: float) -> Tally:
    tally = results.tally(run.database, batch.batch_id)
    run.view.show(batch.file_name, tally, time.monotonic() - started)
    return tally
