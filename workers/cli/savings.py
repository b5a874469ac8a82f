"""Reports: `report savings`; `report batch` stands in `workers.cli.page`."""

from collections.abc import Iterator
from typing import Any

import typer

from jobs.cost import format_usd
from jobs.errors import NotBuiltError
from jobs.prices import built_in_prices
from jobs.report import SavingsLine, read_month, report_savings
from jobs.store import price_list, results
from workers.cli.operate import ANY_OPTIONS
from workers.cli.options import (
    Config,
    Db,
    Json,
    Redis,
    Room,
    open_room,
    print_json,
    print_table,
    words,
)
from workers.cli.page import show_page


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help=words("help_report_group"), no_args_is_help=True)
    group.command("savings", help=words("help_report_savings"))(savings)
    group.command("batch", help=words("help_report_batch"))(show_page)
    group.command("quality", hidden=True, context_settings=ANY_OPTIONS)(quality)
    group.command("cost", hidden=True, context_settings=ANY_OPTIONS)(cost)
    app.add_typer(group, name="report")


def savings(
    db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False
) -> None:
    with open_room(db, redis, config) as room:
        known = (*price_list.stored(room.database), *built_in_prices())
        records = [read_month(line) for line in results.savings(room.database)]
        lines = report_savings(records, known)
        if as_data:
            print_json({"savings": [_as_data(line) for line in lines]})
        elif not lines:
            typer.echo(room.say("no_rows_yet", database=room.database.shown))
        else:
            _print(room, lines)


def quality() -> None:
    raise NotBuiltError("command_not_built", command="report quality")


def cost() -> None:
    raise NotBuiltError("command_not_built", command="report cost")


def _print(room: Room, lines: list[SavingsLine]) -> None:
    names = (
        "month", "spec", "model", "rows", "kept", "escalated", "cost", "baseline", "saved",
        "percent",
    )  # fmt: skip
    header = [room.say(f"savings_{name}") for name in names]
    print_table(header, [_as_cells(room, line) for line in lines])
    for note in dict.fromkeys(note for line in lines for note in _notes(room, line)):
        typer.echo(note)


def _notes(room: Room, line: SavingsLine) -> Iterator[str]:
    """Say what the baseline of a line is, and what is odd about it."""
    record = line.record
    names = {"month": record.month, "spec": record.spec_name, "model": record.model}
    if line.basis == "none":
        yield room.say("savings_no_model", spec=record.spec_name)
        return
    if line.basis == "price_missing":
        yield room.say("savings_no_price", **names)
        return
    yield room.say("savings_estimate", model=record.model, mode=line.mode)
    if record.measured_rows < record.rows:
        left = record.rows - record.measured_rows
        yield room.say("savings_unmeasured", rows=left, **names)
    if record.maybe_paid_nano_usd:
        lost = format_usd(record.maybe_paid_nano_usd)
        yield room.say("savings_maybe_paid", usd=lost, **names)
    if line.price_changed:
        yield room.say("savings_price_changed", **names)


def _as_cells(room: Room, line: SavingsLine) -> tuple[str, ...]:
    record = line.record
    absent = room.say("savings_none" if line.basis == "none" else "savings_unknown")
    return (
        record.month,
        record.spec_name,
        record.model,
        str(record.rows),
        str(record.kept),
        str(record.escalated),
        format_usd(record.cost_nano_usd),
        absent if line.baseline_nano_usd is None else format_usd(line.baseline_nano_usd),
        "-" if line.saved_nano_usd is None else format_usd(line.saved_nano_usd),
        "-" if line.saved_percent is None else f"{line.saved_percent}",
    )


def _as_data(line: SavingsLine) -> dict[str, Any]:
    """Return a line as plain data, money as exact decimal strings."""
    record = line.record
    return {
        "month": record.month,
        "spec_name": record.spec_name,
        "model": record.model,
        "mode": line.mode,
        "rows": record.rows,
        "kept": record.kept,
        "escalated": record.escalated,
        "measured_rows": record.measured_rows,
        "prompt_tokens": record.prompt_tokens,
        "answer_tokens": record.answer_tokens,
        "local_cost_usd": format_usd(record.local_cost_nano_usd),
        "cloud_cost_usd": format_usd(record.cloud_cost_nano_usd),
        "cost_usd": format_usd(record.cost_nano_usd),
        "maybe_paid_usd": format_usd(record.maybe_paid_nano_usd),
        "baseline": line.basis,
        "baseline_usd": _maybe_usd(line.baseline_nano_usd),
        "saved_usd": _maybe_usd(line.saved_nano_usd),
        "saved_percent": None if line.saved_percent is None else float(line.saved_percent),
        "price_changed": line.price_changed,
    }


def _maybe_usd(nano_usd: int | None) -> str | None:
    return None if nano_usd is None else format_usd(nano_usd)
