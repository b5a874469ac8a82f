"""Prices by date, and the cost of a call, judged by genai-prices' own arithmetic."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cloud import CloudMode, CloudUsage, bound_usage
from jobs.errors import SpecError
from jobs.prices import Price, built_in_prices, check_cloud_model, choose_price, price_cloud
from jobs.prompt import Question

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MINE = Price(
    "anthropic",
    "claude-haiku-5-5",
    date(2026, 12, 1),
    input_usd_per_mtok=Decimal("0.2"),
    output_usd_per_mtok=Decimal(1),
    cache_write_5m_usd_per_mtok=Decimal("0.25"),
    cache_write_1h_usd_per_mtok=Decimal("0.4"),
    cache_read_usd_per_mtok=Decimal("0.02"),
)

counts = st.integers(0, 300_000)
usages = st.builds(CloudUsage, counts, counts, counts, counts, counts)


def ask_genai(usage: CloudUsage, model: str, mode: CloudMode, at: datetime) -> int:
    """Return what genai-prices itself makes of a usage, in nano-USD."""
    calculation = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.prompt_tokens,
            cache_write_tokens=usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
            cache_write_1h_tokens=usage.cache_write_1h_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            output_tokens=usage.output_tokens,
        ),
        model,
        provider_id="anthropic",
        genai_request_timestamp=at,
        price_context={"processing": "batch"} if mode == "batch" else None,
    )
    return int((calculation.total_price * 10**9).quantize(Decimal(1), ROUND_HALF_EVEN))


@given(usage=usages, model=st.sampled_from(sorted({p.model for p in built_in_prices()})))
@pytest.mark.parametrize("mode", ["realtime", "batch"])
def test_costs_are_those_of_genai_prices(mode: CloudMode, usage: CloudUsage, model: str) -> None:
    """Every built-in model, any usage and both modes cost what genai-prices says."""
    price = choose_price(built_in_prices(), model, NOW)
    assert price_cloud(usage, price, mode) == ask_genai(usage, model, mode, NOW)


@pytest.mark.parametrize("moment", [datetime(2026, 3, 12, 23, 59, tzinfo=UTC), NOW])
def test_an_old_price_is_kept_for_its_time(moment: datetime) -> None:
    """A model whose price changed costs what it cost on the day of the call."""
    usage = CloudUsage(250_000, 1_000)
    price = choose_price(built_in_prices(), "claude-sonnet-4-6", moment)
    cost = price_cloud(usage, price, "realtime")
    assert cost == ask_genai(usage, "claude-sonnet-4-6", "realtime", moment)
    assert (price.long_prompt_tokens is None) is (moment == NOW)


def test_the_prices_of_the_facts() -> None:
    """A million jobs of 500 + 50 tokens cost 37.50 dollars at haiku-5-5's batch prices."""
    price = choose_price(built_in_prices(), "claude-haiku-5-5", NOW)
    assert price_cloud(CloudUsage(500, 50), price, "batch") * 1_000_000 == 37_500_000_000
    assert price.source == f"genai-prices {genai_prices.__version__}"


def test_a_long_prompt_costs_five_times() -> None:
    """Above 100,000 tokens of prompt, cached ones included, every token of haiku-5-5 is dearer."""
    price = choose_price(built_in_prices(), "claude-haiku-5-5", NOW)
    short = CloudUsage(input_tokens=1, output_tokens=7, cache_read_tokens=99_999)
    long = replace(short, input_tokens=2)
    assert price_cloud(short, price, "realtime") == 100 + 999_990 + 3_500
    assert price_cloud(long, price, "realtime") == 5 * (200 + 999_990 + 3_500)


def test_half_a_nano_dollar_goes_to_the_even_side() -> None:
    """Costs are rounded once, half to even."""
    price = choose_price(built_in_prices(), "claude-haiku-5-5", NOW)
    costs = [
        price_cloud(CloudUsage(cache_write_5m_tokens=count), price, "batch") for count in (1, 3)
    ]
    assert costs == [62, 188]  # 62.5 and 187.5


def test_arithmetic_is_exact_however_the_context_is_set() -> None:
    """A price of many digits loses none of them."""
    price = replace(MINE, input_usd_per_mtok=Decimal("0.123456789012345678901234567890"))
    usage = CloudUsage(input_tokens=10**12)
    assert price_cloud(usage, price, "realtime") == 123_456_789_012_346


def test_a_price_set_by_the_user_wins_from_its_day_in_utc() -> None:
    """The user's price holds from midnight UTC of its date, wherever the clock stands."""
    prices = (MINE, *built_in_prices())
    tokyo = timezone(timedelta(hours=9))
    before = datetime(2026, 12, 1, 8, 59, tzinfo=tokyo)
    assert choose_price(prices, MINE.model, before).source != "user"
    assert choose_price(prices, MINE.model, before + timedelta(minutes=1)) is MINE


def test_the_user_wins_over_a_younger_built_in_price() -> None:
    """A price somebody set is not undone by an update of the built-in data."""
    mine = replace(MINE, model="claude-sonnet-4-6", valid_from=date(2026, 1, 1))
    assert choose_price((*built_in_prices(), mine), mine.model, NOW) is mine
    younger = replace(mine, valid_from=date(2026, 11, 1))
    assert choose_price((younger, mine), mine.model, NOW) is younger
    again = replace(younger, input_usd_per_mtok=Decimal(9))
    assert choose_price((younger, again), mine.model, NOW) is again


def test_a_dated_snapshot_has_the_price_of_its_model() -> None:
    """The name a provider answers with finds the price, unless it has one of its own."""
    name = "claude-haiku-4-5-20251001"
    assert choose_price(built_in_prices(), name, NOW).model == "claude-haiku-4-5"
    own = replace(MINE, model=name, valid_from=date(2026, 1, 1))
    assert choose_price((*built_in_prices(), own), name, NOW) is own


def test_a_missing_price_is_an_error() -> None:
    """No price is never a price of zero."""
    with pytest.raises(SpecError) as caught:
        choose_price((MINE,), MINE.model, NOW)
    assert caught.value.code == "price_missing"


@pytest.mark.parametrize("model", ["claude-haiku-5.5", "gpt-5", ""])
def test_a_model_without_a_price_is_unknown(model: str) -> None:
    """An unknown cloud model is refused with the closest name."""
    with pytest.raises(SpecError) as caught:
        check_cloud_model(built_in_prices(), model)
    assert caught.value.code == "cloud_model_unknown"
    if model.startswith("claude"):
        assert caught.value.params["suggestion"] == "claude-haiku-5-5"


def test_known_models_pass() -> None:
    """Models of the price list, their snapshots and those of the user are known."""
    for model in ("claude-haiku-5-5", "claude-opus-5-5", "claude-haiku-4-5-20251001"):
        check_cloud_model(built_in_prices(), model)
    check_cloud_model((replace(MINE, model="ours"),), "ours")


def test_ended_models_have_no_built_in_price() -> None:
    """What genai-prices keeps for history only cannot be asked."""
    assert not {"claude-2", "claude-3-opus-latest"} & {p.model for p in built_in_prices()}


@given(st.text(), st.text(), st.integers(1, 10_000))
def test_a_bound_is_never_too_small(system: str, user: str, limit: int) -> None:
    """A reservation holds at least one token for each byte, and the whole answer."""
    question = Question(1, system, user, '{"type":"object"}', limit)
    usage = bound_usage(question, limit)
    assert usage.input_tokens > len(system.encode()) + len(user.encode()) + len(question.schema)
    assert usage.output_tokens == limit
