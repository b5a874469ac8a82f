"""Savings from records: the baseline is named, priced exactly, and never claimed without one."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from jobs.prices import Price
from jobs.report import MonthRecord, read_month, report_savings

RECORD = MonthRecord(
    month="2026-03",
    spec_name="small",
    model="m",
    mode="auto",
    rows=10,
    kept=8,
    escalated=2,
    measured_rows=10,
    prompt_tokens=1_000_000,
    answer_tokens=100_000,
    local_cost_nano_usd=100_000_000,
    cloud_cost_nano_usd=200_000_000,
    cost_nano_usd=300_000_000,
    maybe_paid_nano_usd=0,
    first_row_at=datetime(2026, 3, 2, tzinfo=UTC),
    last_row_at=datetime(2026, 3, 20, tzinfo=UTC),
)
MONEY = Decimal(1)
PRICE = Price(
    "anthropic", "m", date(2026, 1, 1), MONEY, 5 * MONEY, MONEY, MONEY, MONEY, Decimal("0.5")
)


def test_a_month_is_compared_with_the_routes_own_cloud() -> None:
    """One dollar for the prompts and half a dollar for the answers, less what the work cost."""
    (line,) = report_savings([RECORD], [PRICE])
    assert (line.basis, line.mode, line.price_changed) == ("estimate", "realtime", False)
    assert (line.baseline_nano_usd, line.saved_nano_usd) == (1_500_000_000, 1_200_000_000)
    assert line.saved_percent == Decimal("80.0")


def test_the_routes_own_mode() -> None:
    """A route that sends in batches is compared with the price of batches."""
    (line,) = report_savings([replace(RECORD, mode="batch")], [PRICE])
    assert (line.mode, line.baseline_nano_usd) == ("batch", 750_000_000)


def test_long_prompts_are_no_sum() -> None:
    """A month's prompts together are not one long prompt."""
    dear = replace(PRICE, long_prompt_tokens=200_000, long_input_factor=Decimal(2))
    (line,) = report_savings([RECORD], [dear])
    assert line.baseline_nano_usd == 1_500_000_000


def test_a_price_that_changed_within_the_month() -> None:
    """The cheaper price counts, even one that held for some days in the middle."""
    cheap = replace(PRICE, valid_from=date(2026, 3, 5), output_usd_per_mtok=MONEY)
    again = replace(PRICE, valid_from=date(2026, 3, 7))
    (line,) = report_savings([RECORD], [PRICE, cheap, again])
    assert (line.baseline_nano_usd, line.price_changed) == (1_100_000_000, True)


def test_what_may_have_been_paid_is_not_saved() -> None:
    """Money of lost replies is taken off; a loss is shown as one."""
    (line,) = report_savings([replace(RECORD, maybe_paid_nano_usd=1_500_000_000)], [PRICE])
    assert (line.saved_nano_usd, line.saved_percent) == (-300_000_000, Decimal("-20.0"))


def test_no_saving_without_a_baseline() -> None:
    """A route without a cloud, a model without a price, and rows without tokens claim nothing."""
    none, unknown = report_savings([replace(RECORD, model="none"), RECORD], [])
    assert (none.basis, none.saved_nano_usd, none.saved_percent) == ("none", None, None)
    assert (unknown.basis, unknown.baseline_nano_usd) == ("price_missing", None)
    (empty,) = report_savings([replace(RECORD, prompt_tokens=0, answer_tokens=0)], [PRICE])
    assert (empty.baseline_nano_usd, empty.saved_percent) == (0, None)


def test_dollars_of_a_view_become_integers_again() -> None:
    """Floats of SQLite and decimals of PostgreSQL give the same nano-dollars."""
    line = {name: getattr(RECORD, name) for name in RECORD.__dataclass_fields__}
    money = [name for name in line if name.endswith("_nano_usd")]
    others = {name: value for name, value in line.items() if name not in money}
    for divisor in (1e9, Decimal(10**9)):
        dollars = {name.replace("_nano", ""): line[name] / divisor for name in money}
        assert read_month({**others, **dollars}) == RECORD
