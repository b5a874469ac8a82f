"""`sekisho run` and `sekisho submit`."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import submit as handing
from jobs.cost import format_usd
from jobs.deadline import Deadline, read_deadline, show_moment
from jobs.errors import SekishoError, ServiceError, SettingError
from jobs.export import Wish
from jobs.job import BatchStatus
from jobs.spec import Spec, read_spec
from jobs.store import batches, budget, results
from workers.cli.inputs import gather
from workers.cli.night import (
    DeadlineAt,
    LockName,
    NoOverlap,
    PageFile,
    choose_lock,
    choose_page,
    end_early,
    hold_if_named,
    tell_interrupted,
    write_page,
)
from workers.cli.options import (
    Config,
    Db,
    Files,
    Json,
    Redis,
    Room,
    SpecFile,
    open_settled,
    print_json,
    print_pairs,
    words,
)
from workers.cli.out import check_out
from workers.cli.results import choose_style, send
from workers.device import parse_device
from workers.report import AllowBad, Report, as_json, exit_status, parse_allow_bad, report_on
from workers.run import Run, RunOptions, check_cloud, prepare, run_files, warn_of_cloud
from workers.settings import Settings, read_settings
from workers.view import make_view

Force = Annotated[bool, typer.Option("--force", help=words("help_force"))]
Partial = Annotated[bool, typer.Option("--partial", help=words("help_partial"))]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help=words("help_limit"))]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("run", help=words("help_run"))(run)
    app.command("submit", help=words("help_submit"))(submit)


def run(
    files: Files,
    spec: SpecFile,
    out: Annotated[Path | None, typer.Option(help=words("help_out"))] = None,
    allow_bad: Annotated[str, typer.Option(metavar="N|P%", help=words("help_allow_bad"))] = "0",
    device: Annotated[str, typer.Option(help=words("help_device"))] = "cpu",
    force: Force = False,
    partial: Partial = False,
    limit: Limit = None,
    deadline: DeadlineAt = None,
    lock: LockName = None,
    no_overlap: NoOverlap = False,
    page: PageFile = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help=words("help_no_cache"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    device = parse_device(device).name
    parsed = read_spec(spec)
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    files = gather(files, settings)
    needed = [spec, *([out] if out is not None else [])]
    night = Night(
        parsed,
        files,
        allowed=parse_allow_bad(allow_bad),
        out=None if out is None else _choose_out(out, files, spec, settings),
        page=None if page is None else choose_page(page, files, needed, settings),
        lock=choose_lock(lock, parsed, no_overlap=no_overlap),
        limit=limit,
        as_data=as_data,
    )
    due = _read_due(deadline, parsed)
    options = RunOptions(
        device=device, force=force, partial=partial, use_cache=not no_cache, deadline=due
    )
    try:
        status = _work(night, settings, options)
    except KeyboardInterrupt:
        raise tell_interrupted(as_data=as_data) from None
    raise typer.Exit(status)


def _read_due(text: str | None, spec: Spec) -> Deadline | None:
    return None if text is None else read_deadline(text, spec.timezone, datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Night:
    """What one call of `run` is to do with its files, and what it leaves behind."""

    spec: Spec
    files: Sequence[Path]
    allowed: AllowBad
    out: Path | None
    page: Path | None
    lock: str | None
    limit: int | None
    as_data: bool


def _work(night: Night, settings: Settings, options: RunOptions) -> int:
    """Answer the files and tell of them; return the exit status, whatever happened."""
    handed = prepare(settings, night.spec, night.files, night.limit)
    started = time.monotonic()
    with open_settled(settings, create=True) as room, hold_if_named(room, night.lock) as checks:
        view = make_view(room.settings.language)
        if options.deadline is not None and options.deadline.at is not None:
            at = show_moment(options.deadline.at, night.spec.timezone)
            view.say("deadline_is", at=at)
        run = Run(settings, room.database, night.spec, options, view, checks=checks)
        try:
            reports = run_files(run, handed)
            _leave(night, room, reports[0])
        except (KeyboardInterrupt, SekishoError) as error:
            if isinstance(error, KeyboardInterrupt):
                view.say("interrupted")
            seconds = time.monotonic() - started
            return end_early(error, room, handed, seconds, as_data=night.as_data, page=night.page)
        _tell(night, room, reports)
    return exit_status(reports, night.allowed)


def _leave(night: Night, room: Room, report: Report) -> None:
    """Write the files asked for; raises ServiceError where that fails (the rows are in SQL)."""
    try:
        if night.out is not None:
            _write_out(room, report, night.out)
        if night.page is not None:
            write_page(room, report.batch_id, night.page)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ServiceError("output_fails", problem=problem) from error


def _tell(night: Night, room: Room, reports: Sequence[Report]) -> None:
    if night.as_data:
        print_json(as_json(reports))
    else:
        for path, report in zip(night.files, reports, strict=True):
            _summarize(room, path, night.spec, report, night.out)
    _say_limited(room, night.files, [report.rows for report in reports], night.limit)


def _choose_out(out: Path, files: list[Path], spec: Path, settings: Settings) -> Path:
    """Return where the results go; refused before anything is done if they can not."""
    choose_style(None, out)
    if len(files) > 1:
        raise SettingError("out_needs_one_file")
    return check_out(out, settings, [*files, spec])


def _write_out(room: Room, report: Report, out: Path) -> None:
    batch = batches.get(room.database, report.batch_id)
    send(room, batch, Wish(), choose_style(None, out), out)


def _say_limited(room: Room, files: Sequence[Path], rows: list[int], limit: int | None) -> None:
    """Say on stderr which files may hold more records than were read."""
    for path, count in zip(files, rows, strict=True):
        if limit is not None and count >= limit:
            typer.echo(room.say("limited", file=path.name, limit=limit), err=True)


def _lost_money(room: Room, report: Report) -> list[tuple[str, object]]:
    """Return what lost replies may have cost; it is taken from the budget, so it is shown."""
    lost = budget.money(room.database, report.batch_id).maybe_paid_nano_usd
    return [(room.say("sum_maybe_paid"), f"{format_usd(lost)} USD")] if lost else []


def _deadline_line(room: Room, at: datetime | None, zone: str) -> list[tuple[str, object]]:
    return [] if at is None else [(room.say("sum_deadline"), show_moment(at, zone))]


def _summarize(room: Room, path: Path, spec: Spec, report: Report, out: Path | None) -> None:
    took = results.spent(room.database, report.batch_id)
    deadline_at = batches.get(room.database, report.batch_id).deadline_at
    counted = ("rows", "done", "cached", "escalated", "review", "rejected", "failed", "cancelled")
    counts: list[tuple[str, object]] = [
        (room.say(f"sum_{name}"), getattr(report, name))
        for name in counted
        if name in ("rows", "done") or getattr(report, name)
    ]
    typer.echo(room.say("sum_title", file=path.name, spec=spec.name, batch=report.batch_id))
    if report.file_error:
        typer.echo(batches.get(room.database, report.batch_id).file_error_reason)
    print_pairs(
        [
            (room.say("sum_status"), report.status),
            *counts,
            (room.say("sum_device"), f"{took.device_ms / 1000:.1f} s, {took.tokens} tokens"),
            (room.say("sum_cost"), f"{report.cost_usd} USD"),
            *_lost_money(room, report),
            (room.say("sum_seconds"), f"{report.seconds:.1f} s"),
            *_deadline_line(room, deadline_at, spec.timezone),
            (room.say("sum_where"), f"{room.database.shown} (fct_results)"),
            *([(room.say("sum_out"), out)] if out is not None else []),
        ]
    )
    for reason in results.review_reasons(room.database, report.batch_id):
        typer.echo(f"  {reason.rows:>6} x {reason.code}: {reason.words}")
    if report.review:
        typer.echo(room.say("sum_review_hint", batch=report.batch_id))
    if report.rejected:
        typer.echo(room.say("sum_rejected_hint", batch=report.batch_id))


def submit(
    files: Files,
    spec: SpecFile,
    force: Force = False,
    partial: Partial = False,
    limit: Limit = None,
    deadline: DeadlineAt = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    parsed = read_spec(spec)
    due = _read_due(deadline, parsed)
    told: list[dict[str, Any]] = []
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    files = gather(files, settings)
    check_cloud(settings, parsed)
    handed = [handing.hand_in(path, parsed, limit) for path in files]
    for item in handed:
        handing.check_readable(item)
    with open_settled(settings, create=True) as room:
        warn_of_cloud(settings, parsed, make_view(settings.language), from_here=False)
        for item in handed:
            found = batches.find(room.database, item.identity)
            again = found is not None and found.status is BatchStatus.FAILED and partial
            batch = handing.submit(
                room.database,
                item,
                language=room.settings.language,
                wait=threading.Event().wait,
                force=force or again,
                partial=partial,
                deadline=due,
                on_warning=lambda code, params: typer.echo(room.say(code, **params), err=True),
            )
            if batch.file_error_reason is not None:
                typer.echo(batch.file_error_reason, err=True)
            report = report_on(room.database, batch, 0)
            keys = ("batch_id", "status", "rows", "rejected", "file_error")
            told.append({key: getattr(report, key) for key in keys})
        if as_data:
            print_json(told[0] if len(told) == 1 else {"batches": told})
        else:
            for item, line in zip(handed, told, strict=True):
                typer.echo(room.say("submitted", file=item.file.name, **line))
        _say_limited(room, files, [line["rows"] for line in told], limit)
    if any(line["status"] == BatchStatus.FAILED for line in told):
        raise typer.Exit(2)
    raise typer.Exit(1 if any(line["rejected"] for line in told) else 0)
