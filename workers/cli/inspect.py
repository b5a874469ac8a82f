"""Looking: `status`, `row`, `spec check`."""

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.deadline import show_moment
from jobs.errors import SettingError, UsageError
from jobs.explain import Explanation, explain
from jobs.job import BatchStatus
from jobs.spec import read_spec
from jobs.spec.zone import DEFAULT_ZONE
from jobs.store import batches, results
from jobs.store.batches import Batch
from jobs.words import Language
from workers.cli.options import (
    BatchId,
    Config,
    Db,
    Json,
    Redis,
    Room,
    open_room,
    print_json,
    print_pairs,
    words,
)
from workers.cli.visible import show_line
from workers.models import find_model
from workers.report import Report, as_json, report_on
from workers.settings import read_settings
from workers.view import make_view

FOLLOW_SECONDS = 0.5


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("status", help=words("help_status"))(status)
    app.command("row", help=words("help_row"))(show_row)
    spec = typer.Typer(help=words("help_spec_group"), no_args_is_help=True)
    spec.command("check", help=words("help_spec_check"), epilog=words("help_spec_keys"))(check_spec)
    app.add_typer(spec, name="spec")


def status(
    batch: Annotated[
        str | None, typer.Argument(metavar="[BATCH]", help=words("help_batch"))
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help=words("help_follow"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    with open_room(db, redis, config) as room:
        if batch is None and not follow:
            _list_batches(room, as_data=as_data)
            return
        found = batches.get(room.database, batch or "latest")
        if follow:
            _follow(room, found.batch_id)
        report = report_on(room.database, found, 0)
        deadline_at = batches.get(room.database, found.batch_id).deadline_at
        if as_data:
            print_json({**as_json([report]), "deadline_at": deadline_at})
        else:
            _print_report(room, report, _deadline_of(found, deadline_at))


def _list_batches(room: Room, *, as_data: bool) -> None:
    recent = batches.list_recent(room.database)
    reports = [(found, report_on(room.database, found, 0)) for found in recent]
    if as_data:
        told = [{**as_json([one]), "deadline_at": found.deadline_at} for found, one in reports]
        print_json({"batches": told})
        return
    if not reports:
        typer.echo(room.say("no_batches", database=room.database.shown))
    for found, report in reports:
        ended = report.done + report.bad
        typer.echo(
            f"{found.batch_id}  {found.status:9}  {ended:>8}/{report.rows:<8}  "
            f"{found.created_at:%Y-%m-%d %H:%M}  {found.spec_name}  {found.file_name}"
        )


def _follow(room: Room, batch_id: str) -> None:
    """Show progress until the batch has ended."""
    view = make_view(room.settings.language)
    pause = threading.Event()
    passed = 0.0
    try:
        while batches.get(room.database, batch_id).status in (
            BatchStatus.LOADING,
            BatchStatus.OPEN,
            BatchStatus.DECIDING,
        ):
            view.show(batch_id, results.tally(room.database, batch_id), passed)
            pause.wait(FOLLOW_SECONDS)
            passed += FOLLOW_SECONDS
    finally:
        view.end()


def _deadline_of(batch: Batch, at: datetime | None) -> str | None:
    zone = str(batch.spec.get("timezone", DEFAULT_ZONE))
    return None if at is None else show_moment(at, zone)


def _print_report(room: Room, report: Report, deadline: str | None) -> None:
    counted = ("rows", "done", "cached", "review", "rejected", "failed", "cancelled")
    left = report.rows - report.done - report.bad
    typer.echo(report.batch_id)
    print_pairs(
        [
            (room.say("sum_status"), report.status),
            *((room.say(f"sum_{name}"), getattr(report, name)) for name in counted),
            (room.say("sum_left"), left),
            (room.say("sum_cost"), f"{report.cost_usd} USD"),
            *([] if deadline is None else [(room.say("sum_deadline"), deadline)]),
        ]
    )


def show_row(
    batch: BatchId,
    row: Annotated[int | None, typer.Argument(metavar="ROW", help=words("help_row_number"))] = None,
    source_id: Annotated[str | None, typer.Option("--id", help=words("help_row_id"))] = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    if (row is None) == (source_id is None):
        raise SettingError("row_needs_one_key")
    with open_room(db, redis, config) as room:
        found = batches.get(room.database, batch)
        life = results.row_life(room.database, found.batch_id, row_number=row, source_id=source_id)
        task = str(found.spec["task"]["kind"])
        explained = [explain(task, attempt) for attempt in life.attempts]
        if as_data:
            language = room.settings.language
            attempts = [
                {**attempt, "explanation": _explanation_as_data(one, language)}
                for attempt, one in zip(life.attempts, explained, strict=True)
            ]
            print_json({**life.row, "text": life.text, "attempts": attempts})
            return
        _print_life(room, life, explained)


def _explanation_as_data(one: Explanation, language: Language) -> dict[str, Any]:
    return {
        "sentences": one.say(language),
        "codes": [sentence.code for sentence in one.sentences],
        "recomputed": one.recomputed,
        "matches": one.matches,
    }


def _print_life(room: Room, life: results.RowLife, explained: Sequence[Explanation]) -> None:
    row_id = show_line(str(life.row["source_id"]))
    typer.echo(room.say("row_title", row=life.row["row_number"], id=row_id))
    hidden = {"row_number", "source_id", "fields"}
    shown: list[tuple[str, object]] = [
        (name, value)
        for name, value in life.row.items()
        if name not in hidden and value is not None
    ]
    _print_lines([("text", life.text)] * (life.text is not None) + shown)
    for number, (attempt, one) in enumerate(zip(life.attempts, explained, strict=True), start=1):
        if attempt["kind"] == "cache":
            typer.echo(room.say("row_attempt_cached", number=number, model=attempt["model"]))
        else:
            typer.echo(room.say("row_attempt", number=number, kind=attempt["kind"]))
        skipped = {"batch_id", "row_number", "source_id", "spec_name", "kind", "fields"}
        facts: list[tuple[str, Any]] = [
            (name, value)
            for name, value in attempt.items()
            if name not in skipped and value is not None
        ]
        _print_lines(facts)
        typer.echo(f"  {room.say('row_confidence')}")
        for sentence in one.say(room.settings.language):
            typer.echo(f"    {show_line(sentence)}")


def _print_lines(pairs: Sequence[tuple[str, Any]]) -> None:
    """Print each value on one line, whatever it holds."""
    print_pairs(
        [(name, show_line(value) if isinstance(value, str) else value) for name, value in pairs]
    )


def check_spec(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help=words("help_spec"))],
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    parsed = read_spec(spec)
    if as_data:
        print_json({"spec_hash": parsed.hash(), "spec": parsed.canonical()})
        return
    typer.echo(words("spec_good", file=spec, name=parsed.name, hash=parsed.hash()[:12]))
    _note_missing_models(parsed.route.tiers, config)


def _note_missing_models(tiers: Iterable[str], config: Path | None) -> None:
    """Say on stderr which models are not on this machine; the spec is good all the same."""
    try:
        settings = read_settings(config=config)
    except SettingError as error:
        typer.echo(words(error.code, **error.params), err=True)
        return
    for name in tiers:
        try:
            find_model(settings, name)
        except UsageError as error:
            typer.echo(words(error.code, **error.params), err=True)
