"""Savings: what the work cost beside a named baseline. Pure: records in, lines out.

The baseline is an estimate: every row that was answered, asked of the route's own cloud model in
the route's own mode at the price valid then, with the tokens of the row's own local attempt. Rows
answered from the cache count with the tokens of the answer they were given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Literal

from jobs.cloud import CloudMode, CloudUsage
from jobs.cost import NANO_USD_PER_USD
from jobs.errors import SpecError
from jobs.prices import Price, choose_price, price_bulk
from jobs.route import NO_CLOUD

Basis = Literal["estimate", "none", "price_missing"]
MODES: Final[Mapping[str, CloudMode]] = {"batch": "batch"}
"""The mode a route is sent in; every other word means realtime."""


@dataclass(frozen=True, slots=True)
class MonthRecord:
    """A line of `fct_savings_monthly`, money in nano-USD."""

    month: str
    spec_name: str
    model: str
    mode: str
    rows: int
    kept: int
    escalated: int
    measured_rows: int
    prompt_tokens: int
    answer_tokens: int
    local_cost_nano_usd: int
    cloud_cost_nano_usd: int
    cost_nano_usd: int
    maybe_paid_nano_usd: int
    first_row_at: datetime
    last_row_at: datetime


@dataclass(frozen=True, slots=True)
class SavingsLine:
    """A month of one spec and cloud model. Without a baseline nothing is said to be saved.

    What may have been paid for lost replies is taken off `saved_nano_usd`. `price_changed`: the
    price changed between the first row and the last, and the cheaper one was taken.
    """

    record: MonthRecord
    mode: CloudMode
    basis: Basis
    baseline_nano_usd: int | None = None
    saved_nano_usd: int | None = None
    saved_percent: Decimal | None = None
    price_changed: bool = False


def read_month(line: Mapping[str, Any]) -> MonthRecord:
    """Make a record of a line of the view; its dollars become integers again."""
    values: dict[str, Any] = {
        name: value for name, value in line.items() if not name.endswith("_usd")
    }
    values |= {
        name.replace("_usd", "_nano_usd"): _to_nano(value)
        for name, value in line.items()
        if name.endswith("_usd")
    }
    return MonthRecord(**values)


def report_savings(records: Iterable[MonthRecord], prices: Sequence[Price]) -> list[SavingsLine]:
    """Return each month's savings, in the order of the records."""
    return [_compare(record, prices) for record in records]


def _compare(record: MonthRecord, prices: Sequence[Price]) -> SavingsLine:
    mode = MODES.get(record.mode, "realtime")
    if record.model == NO_CLOUD:
        return SavingsLine(record, mode, "none")
    valid = _prices_between(prices, record.model, record.first_row_at, record.last_row_at)
    if not valid:
        return SavingsLine(record, mode, "price_missing")
    usage = CloudUsage(input_tokens=record.prompt_tokens, output_tokens=record.answer_tokens)
    costs = {price_bulk(price, usage, mode) for price in valid}
    baseline = min(costs)
    saved = baseline - record.cost_nano_usd - record.maybe_paid_nano_usd
    percent = (Decimal(100 * saved) / baseline).quantize(Decimal("0.1")) if baseline else None
    return SavingsLine(record, mode, "estimate", baseline, saved, percent, len(costs) > 1)


def _prices_between(
    prices: Sequence[Price], model: str, first: datetime, last: datetime
) -> tuple[Price, ...]:
    """Return every price that decided on a day between two moments; none if one is missing."""
    found: dict[date, Price] = {}
    day = first
    while day.date() <= last.date():
        try:
            price = choose_price(prices, model, day)
        except SpecError:
            return ()
        found[price.valid_from] = price
        day += timedelta(days=1)
    return tuple(found.values())


def _to_nano(usd: float | Decimal | int) -> int:
    exact = Decimal(repr(usd)) if isinstance(usd, float) else Decimal(usd)
    return int((exact * NANO_USD_PER_USD).quantize(Decimal(1), ROUND_HALF_EVEN))
