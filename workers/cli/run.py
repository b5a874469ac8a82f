"""`sekisho run` and `sekisho submit`."""

import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import submit as handing
from jobs.cost import format_usd
from jobs.errors import NotBuiltError, SettingError
from jobs.export import Wish
from jobs.job import BatchStatus
from jobs.spec import Spec, read_spec
from jobs.store import batches, budget, results
from workers.cli.inputs import gather
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
from workers.report import Report, as_json, exit_status, parse_allow_bad, report_on
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
    deadline: Annotated[str | None, typer.Option(hidden=True)] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help=words("help_no_cache"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    if deadline is not None:
        raise NotBuiltError("option_not_built", option="--deadline")
    device = parse_device(device).name
    allowed = parse_allow_bad(allow_bad)
    parsed = read_spec(spec)
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    files = gather(files, settings)
    if out is not None:
        out = _choose_out(out, files, spec, settings)
    handed = prepare(settings, parsed, files, limit)
    with open_settled(settings, create=True) as room:
        view = make_view(room.settings.language)
        options = RunOptions(device=device, force=force, partial=partial, use_cache=not no_cache)
        try:
            reports = run_files(Run(settings, room.database, parsed, options, view), handed)
        except KeyboardInterrupt:
            view.say("interrupted")
            raise
        if out is not None:
            _write_out(room, reports[0], out)
        if as_data:
            print_json(as_json(reports))
        else:
            for path, report in zip(files, reports, strict=True):
                _summarize(room, path, parsed, report, out)
        _say_limited(room, files, [report.rows for report in reports], limit)
    raise typer.Exit(exit_status(reports, allowed))


def _choose_out(out: Path, files: list[Path], spec: Path, settings: Settings) -> Path:
    """Return where the results go; refused before anything is done if they can not."""
    choose_style(None, out)
    if len(files) > 1:
        raise SettingError("out_needs_one_file")
    return check_out(out, settings, [*files, spec])


def _write_out(room: Room, report: Report, out: Path) -> None:
    batch = batches.get(room.database, report.batch_id)
    send(room, batch, Wish(), choose_style(None, out), out)


def _say_limited(room: Room, files: list[Path], rows: list[int], limit: int | None) -> None:
    """Say on stderr which files may hold more records than were read."""
    for path, count in zip(files, rows, strict=True):
        if limit is not None and count >= limit:
            typer.echo(room.say("limited", file=path.name, limit=limit), err=True)


def _lost_money(room: Room, report: Report) -> list[tuple[str, object]]:
    """Return what lost replies may have cost; it is taken from the budget, so it is shown."""
    lost = budget.money(room.database, report.batch_id).maybe_paid_nano_usd
    return [(room.say("sum_maybe_paid"), f"{format_usd(lost)} USD")] if lost else []


def _summarize(room: Room, path: Path, spec: Spec, report: Report, out: Path | None) -> None:
    took = results.spent(room.database, report.batch_id)
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
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    parsed = read_spec(spec)
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
                on_warning=lambda code, params: typer.echo(room.say(code, **params), err=True),
            )
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
