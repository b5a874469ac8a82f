"""Looking ahead: `plan`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.complexity import LARGE_BELOW, SMALL_BELOW
from jobs.cost import format_usd
from jobs.deadline import read_deadline, show_moment
from jobs.errors import NotBuiltError, SettingError, SpecError
from jobs.forecast import Forecast, forecast
from jobs.plan import estimate_tokens
from jobs.prices import Price, built_in_prices, choose_price
from jobs.route import NO_CLOUD
from jobs.source import read_records
from jobs.spec import read_spec
from jobs.store import price_list
from jobs.submit import shape_of
from workers.cli.inputs import gather
from workers.cli.night import DeadlineAt
from workers.cli.options import (
    Config,
    Db,
    Json,
    Redis,
    SpecFile,
    print_json,
    print_pairs,
    words,
)
from workers.engines.load import open_counter
from workers.models import find_model
from workers.run import check_cloud
from workers.settings import Settings, read_settings


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("plan", help=words("help_plan"))(plan)


def plan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=words("help_one_input"))],
    spec: SpecFile,
    deadline: DeadlineAt = None,
    show_outbound: Annotated[int | None, typer.Option(hidden=True)] = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    if show_outbound is not None:
        raise NotBuiltError("option_not_built", option="--show-outbound")
    parsed = read_spec(spec)
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    now = datetime.now(UTC)
    due = None if deadline is None else read_deadline(deadline, parsed.timezone, now).at
    check_cloud(settings, parsed)
    file, *more = gather([file], settings)
    if more:
        raise SettingError("one_file_wanted", count=1 + len(more))
    records = read_records(file, shape_of(parsed))
    price = _find_price(settings, parsed.route.cloud)
    tokenizer = parsed.route.tiers[0]
    with open_counter(find_model(settings, tokenizer)) as counter:
        tokenizer = tokenizer if counter else ""
        found = forecast(parsed, records, price, counter or estimate_tokens)
    if as_data:
        told = {"tokenizer": tokenizer or None, "deadline_at": due}
        starts = _starts_as_data(found, parsed.route.tiers)
        print_json({**_as_data(found, file, records.file_error), **starts, **told})
    else:
        _print(found, file, parsed.name, tokenizer)
        _print_starts(found, parsed.route.tiers)
        if due is not None:
            typer.echo(words("deadline_is", at=show_moment(due, parsed.timezone)))
        if records.file_error:
            typer.echo(words(records.file_error, **records.file_error_params))
    raise typer.Exit(2 if records.file_error else 1 if found.rejected else 0)


def _find_price(settings: Settings, model: str) -> Price | None:
    """Return today's price of the route's cloud; None without one, or before its first day."""
    if model == NO_CLOUD:
        return None
    own = price_list.find_stored(settings.database_url)
    try:
        return choose_price((*own, *built_in_prices()), model, datetime.now(UTC))
    except SpecError:
        return None


def _print(found: Forecast, file: Path, name: str, tokenizer: str) -> None:
    typer.echo(words("plan_title", file=file.name, spec=name))
    rejects = [(f"  {code}", times) for code, times in found.reasons.items()]
    pairs: list[tuple[str, object]] = [
        (words("sum_rows"), found.rows),
        (words("sum_rejected"), found.rejected),
        *rejects,
        (words("plan_prompt"), found.prompt_tokens),
        (words("plan_answer"), found.answer_tokens),
    ]
    if found.cloud != NO_CLOUD:
        cost = found.cloud_nano_usd
        shown = words("savings_unknown") if cost is None else f"{format_usd(cost)} USD"
        pairs.append((words("plan_cost", model=found.cloud), shown))
    print_pairs(pairs)
    if found.obstacle:
        typer.echo(words("plan_nothing_leaves", reason=words(f"plan_{found.obstacle}")))
    else:
        budget = format_usd(found.budget_nano_usd)
        left = found.rows_that_may_leave
        typer.echo(words("plan_may_leave", rows=left, model=found.cloud, budget=budget))
    counted = words("plan_counted", model=tokenizer) if tokenizer else words("plan_estimate")
    typer.echo(counted)


def _print_starts(found: Forecast, models: Sequence[str]) -> None:
    """Say how hard the rows are and with which local model they begin."""
    rule = found.rule
    if rule.fixed is None:
        points = ", ".join(
            f"{words(f'points_{name}')} {number}" for name, number in rule.parts.items()
        )
        typer.echo(words("plan_rule", points=points))
    else:
        typer.echo(words("plan_rule_fixed", complexity=rule.fixed))
    if rule.tiers == 1:
        typer.echo(words("plan_one_tier", model=models[0]))
    else:
        typer.echo(words("plan_lines", small=SMALL_BELOW, large=LARGE_BELOW))
    counted = ", ".join(f"{number}: {rows}" for number, rows in found.rows_of.items())
    pairs: list[tuple[str, object]] = [(words("plan_complexities"), counted or "-")]
    pairs += [
        (words("plan_start", model=model), rows)
        for model, rows in zip(models, found.starts, strict=True)
    ]
    print_pairs(pairs)


def _starts_as_data(found: Forecast, models: Sequence[str]) -> dict[str, Any]:
    rule = found.rule
    return {
        "complexity": {
            "fixed": rule.fixed,
            "points": {} if rule.fixed is not None else dict(rule.parts),
            "rows": {str(number): rows for number, rows in found.rows_of.items()},
        },
        "start": [
            {"tier": tier, "model": model, "rows": rows}
            for tier, (model, rows) in enumerate(zip(models, found.starts, strict=True))
        ],
    }


def _as_data(found: Forecast, file: Path, file_error: str | None) -> dict[str, Any]:
    cost = found.cloud_nano_usd
    return {
        "file": file.name,
        "rows": found.rows,
        "rejected": found.rejected,
        "reasons": found.reasons,
        "file_error": file_error,
        "estimated_prompt_tokens": found.prompt_tokens,
        "estimated_answer_tokens": found.answer_tokens,
        "cloud": found.cloud,
        "estimated_cloud_usd": None if cost is None else format_usd(cost),
        "rows_that_may_leave": found.rows_that_may_leave,
        "obstacle": found.obstacle,
        "budget_usd": format_usd(found.budget_nano_usd),
    }
