"""Operating: `worker`, `dispatch`, `db`, `doctor`."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from jobs.cost import NANO_USD_PER_USD, format_usd
from jobs.errors import SettingError
from jobs.job import CLOUD_QUEUE
from jobs.spec import read_spec
from jobs.store import batches, budget, checks, open_database, review, schema
from jobs.store.budget import NewBudget
from jobs.words import say
from workers.broker import Queues
from workers.cli.options import (
    LANGUAGE,
    BatchId,
    Config,
    Db,
    Json,
    Redis,
    Terminated,
    open_room,
    open_settled,
    parse_amount,
    print_json,
    print_pairs,
    who,
    words,
)
from workers.cli.views import make_views
from workers.device import CPU, parse_devices
from workers.doctor import examine
from workers.engines.load import check_model
from workers.models import ModelFile, find_model
from workers.process import NETWORK
from workers.run import dispatching, with_redis
from workers.settings import Settings, read_settings
from workers.supervise import Post, Supervisor
from workers.view import View, make_view

DEFAULT_MODEL = "smollm2-135m"
BUDGET_MAX_USD = Decimal(1_000_000)
"""As in a spec."""
ANY_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""A command that is not built says so whatever it is called with."""


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    worker = typer.Typer(help=words("help_worker"), no_args_is_help=True)
    worker.command("local", help=words("help_worker_local"))(work_locally)
    worker.command("cloud", help=words("help_worker_cloud"))(work_in_cloud)
    app.add_typer(worker, name="worker")
    app.command("dispatch", help=words("help_dispatch"))(dispatch)
    database = typer.Typer(help=words("help_db_group"), no_args_is_help=True)
    database.command("upgrade", help=words("help_db_upgrade"))(upgrade)
    database.command("check", help=words("help_db_check"))(check)
    database.command("views", help=words("help_db_views"))(make_views)
    app.add_typer(database, name="db")
    app.command("resume", help=words("help_resume"))(resume)
    app.command("doctor", help=words("help_doctor"))(doctor)


def work_locally(
    model: Annotated[str, typer.Option(metavar="NAME", help=words("help_model"))] = DEFAULT_MODEL,
    devices: Annotated[
        str | None, typer.Option(metavar="0,1|cpu|metal", help=words("help_devices"))
    ] = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    read = read_settings(database_url=db, redis_url=redis, config=config)
    found = find_model(read, model)
    posts = _place(found, devices)
    check_model(found)  # before a database is made or a Redis started
    _supervise(posts, read)


def _place(model: ModelFile, devices: str | None) -> list[Post]:
    """Return a post for each device; a model on servers has one, and takes none to choose."""
    if model.server_device is None:
        found = parse_devices(CPU if devices is None else devices)
        return [Post(model.name, device.name, device.cores) for device in found]
    if devices is not None:
        raise SettingError("devices_of_server", model=model.name)
    return [Post(model.name, model.server_device)]


def work_in_cloud(
    db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False
) -> None:
    read = read_settings(database_url=db, redis_url=redis, config=config)
    _supervise([Post(CLOUD_QUEUE, NETWORK)], read)


def _supervise(posts: Sequence[Post], read: Settings) -> None:
    """Keep a worker process for each post alive until stopped; one that fails leaves the others.

    Raises what kept the first that failed from working, at the end.
    """
    with open_settled(read, create=True) as room, with_redis(read) as settings:
        queues = Queues(settings.redis_url or "")
        queues.ping()
        queues.close()
        view = make_view(settings.language)
        own_log = len(posts) > 1
        supervisors = [
            Supervisor(
                post,
                settings,
                room.database,
                log_path=settings.state_folder / f"worker-{post.device}.log" if own_log else None,
                on_event=_teller(post, view, named=own_log),
            )
            for post in posts
        ]
        try:
            for supervisor in supervisors:
                supervisor.start()
            _wait_for_all(supervisors, view, named=own_log)
        except Terminated:
            view.say("stopping")
        finally:
            for supervisor in supervisors:
                supervisor.ask_to_stop()
            for supervisor in supervisors:
                supervisor.stop()
        for supervisor in supervisors:
            if supervisor.failure is not None:
                raise supervisor.failure


def _teller(post: Post, view: View, *, named: bool) -> Callable[[str], None]:
    """Say what happens to a worker, with its device where there are several."""

    def tell(event: str) -> None:
        if named:
            said = say(f"worker_{event}", LANGUAGE, model=post.model_name)
            view.say("on_device", device=post.device, words=said)
        else:
            view.say(f"worker_{event}", model=post.model_name)

    return tell


def _wait_for_all(supervisors: Sequence[Supervisor], view: View, *, named: bool) -> None:
    """Wait until no worker is left, saying of each that is given up why."""
    alive = list(supervisors)
    while alive:
        for supervisor in [one for one in alive if one.join(1.0 / len(alive))]:
            alive.remove(supervisor)
            failure = supervisor.failure
            if named and failure is not None:
                said = say(failure.code, LANGUAGE, **failure.params)
                view.say("on_device", device=supervisor.post.device, words=said)


def dispatch(
    db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False
) -> None:
    with open_room(db, redis, config, create=True) as room, with_redis(room.settings) as settings:
        queues = Queues(settings.redis_url or "")
        queues.ping()
        make_view(settings.language).say("dispatching")
        with dispatching(settings, room.database, queues) as dispatcher:
            try:
                while not threading.Event().wait(1.0):
                    dispatcher.check()
            except Terminated:
                return


def upgrade(
    db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    database = open_database(settings.database_url)
    schema.upgrade(database)
    revision = schema.head_revision()
    if as_data:
        print_json({"database": database.shown, "revision": revision})
    else:
        typer.echo(words("db_upgraded", database=database.shown, revision=revision))


def check(db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False) -> None:
    with open_room(db, redis, config, create=False) as room:
        schema.require_current(room.database)
        differences = [str(difference) for difference in schema.find_differences(room.database)]
        violations = checks.find_violations(room.database)
    if as_data:
        found = {violation.name: violation.records for violation in violations}
        print_json({"differences": differences, "violations": found})
    elif not differences and not violations:
        typer.echo(room.say("db_good", database=room.database.shown, count=len(checks.INVARIANTS)))
    else:
        print_pairs([("schema", difference) for difference in differences])
        print_pairs([(violation.name, violation.records) for violation in violations])
    raise typer.Exit(1 if differences or violations else 0)


def resume(
    batch: BatchId,
    usd: Annotated[
        str | None, typer.Option("--budget", metavar="USD", help=words("help_resume_budget"))
    ] = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    new = None if usd is None else NewBudget(_read_budget(usd), who())
    with open_room(db, redis, config) as room:
        found = batches.get(room.database, batch)
        resumed = review.resume(room.database, found.batch_id, new)
        money = budget.money(room.database, found.batch_id)
        sums = {
            "budget": format_usd(money.budget_nano_usd),
            "taken": format_usd(money.taken_nano_usd),
        }
        if as_data:
            amounts = {f"{name}_usd": amount for name, amount in sums.items()}
            late = {"answered_late": resumed.answered_late}
            print_json({"batch_id": found.batch_id, "resumed": resumed.rows, **late, **amounts})
        else:
            typer.echo(room.say("resumed", batch=found.batch_id, rows=resumed.rows))
        if resumed.answered_late:
            named = {"batch": found.batch_id, "rows": str(resumed.answered_late)}
            typer.echo(room.say("resumed_late", **named), err=True)
        if new is not None:
            typer.echo(room.say("budget_is", batch=found.batch_id, **sums), err=True)
        elif resumed.short_of_money:
            rows = str(resumed.short_of_money)
            typer.echo(
                room.say("budget_used_up", batch=found.batch_id, rows=rows, **sums), err=True
            )


def _read_budget(text: str) -> int:
    usd = parse_amount(text, BUDGET_MAX_USD)
    if usd is None:
        raise SettingError("budget_wrong", value=text, most=BUDGET_MAX_USD)
    return int(usd * NANO_USD_PER_USD)


def doctor(
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="SPEC", help=words("help_doctor_spec"))
    ] = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    findings = examine(settings, None if spec is None else read_spec(spec))
    if as_data:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mark = "!!" if not finding.good else "? " if finding.warning else "ok"
            typer.echo(f"{mark}  {finding.name}: {finding.words}")
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)
