"""Cloud prices by date, and what a call costs; the one owner of genai-prices.

A price holds from a UTC date until the next one of the same model. The built-in ones come from
the data inside genai-prices; nothing is fetched. A price set by the user wins over them from
its date on.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cache
from types import MappingProxyType
from typing import Final

import genai_prices
from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices

from jobs.cloud import CloudMode, CloudUsage
from jobs.errors import SpecError

BUILT_IN: Final = "genai-prices"
ALWAYS: Final = date(1970, 1, 1)  # the date of a price whose beginning nobody published
NANO_USD_PER_TOKEN: Final = Decimal(1000)  # one dollar per million tokens, for one token
EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
SNAPSHOT: Final = re.compile(r"-\d{8}$")
ONE: Final = Decimal(1)
NINE_PLACES: Final = Decimal("1e-9")
BATCH_SHARE: Final = Decimal("0.5")
CACHE_SHARES: Final[Mapping[str, Decimal]] = MappingProxyType(
    {
        "cache_write_5m_usd_per_mtok": Decimal("1.25"),
        "cache_write_1h_usd_per_mtok": Decimal(2),
        "cache_read_usd_per_mtok": Decimal("0.1"),
    }
)
"""What Anthropic's list asks for cached tokens, as a share of the input rate."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs from `valid_from` (a UTC date) on, in USD per million tokens.

    Where a prompt, cached tokens included, has more than `long_prompt_tokens`, every token of
    the call costs its rate times `long_input_factor` (input and cache) or `long_output_factor`.
    `batch_factor` applies to all rates of a call sent in a batch. `source` says who set it.
    """

    provider: str
    model: str
    valid_from: date
    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cache_write_5m_usd_per_mtok: Decimal
    cache_write_1h_usd_per_mtok: Decimal
    cache_read_usd_per_mtok: Decimal
    batch_factor: Decimal = ONE
    long_prompt_tokens: int | None = None
    long_input_factor: Decimal = ONE
    long_output_factor: Decimal = ONE
    source: str = "user"


def choose_price(prices: Sequence[Price], model: str, at: datetime) -> Price:
    """Return the price of a model at a moment (aware of its time zone).

    Of the prices already valid the user's win over the built-in ones, then the youngest, then
    the last in the sequence. A dated snapshot (`name-20251001`) has its model's price unless it
    has one of its own. Raises SpecError `price_missing`.
    """
    today = at.astimezone(UTC).date()
    for name in (model, SNAPSHOT.sub("", model)):
        valid = [price for price in prices if price.model == name and price.valid_from <= today]
        if valid:
            # max keeps the first of equals; reversed, so that it is the last one given.
            return max(reversed(valid), key=lambda price: (_is_set(price), price.valid_from))
    raise SpecError("price_missing", model=model, date=today.isoformat())


@dataclass(frozen=True, slots=True)
class PricePeriod:
    """A price with the UTC day on which another one takes its place, None if none does.

    `holds` is false for one that never decides, since a user's price covers all its days.
    """

    price: Price
    valid_until: date | None
    holds: bool


def list_periods(prices: Sequence[Price]) -> tuple[PricePeriod, ...]:
    """Return every price with the days it decides, by model and day, as `choose_price` does."""
    return tuple(
        _period(price, [other for other in prices if other.model == price.model])
        for price in sorted(prices, key=lambda one: (one.model, one.valid_from, _is_set(one)))
    )


def _period(price: Price, of_model: Sequence[Price]) -> PricePeriod:
    start = price.valid_from
    ends = [
        other.valid_from
        for other in of_model
        if (other.valid_from > start and _is_set(other) == _is_set(price))
        or (_is_set(other) and not _is_set(price))
    ]
    end = min(ends, default=None)
    return PricePeriod(price, end, end is None or end > start)


def make_price(
    known: Sequence[Price],
    model: str,
    valid_from: date,
    *,
    source: str,
    input_usd_per_mtok: Decimal,
    output_usd_per_mtok: Decimal,
    **others: Decimal,
) -> Price:
    """Return a price from the rates that were said.

    A cache rate that was not said keeps its share of the input rate, and the batch factor and
    the long prompts keep theirs, from the model's price before that day; a model without one
    has the shares of Anthropic's list.
    """
    noon = datetime(valid_from.year, valid_from.month, valid_from.day, 12, tzinfo=UTC)
    try:
        before: Price | None = choose_price(known, model, noon)
    except SpecError:
        before = None
    has_shares = before is not None and before.input_usd_per_mtok > 0
    rates: dict[str, Decimal] = {}
    with localcontext(EXACT):
        for name, usual in CACHE_SHARES.items():
            share = usual
            if before is not None and has_shares:
                share = getattr(before, name) / before.input_usd_per_mtok
            rates[name] = (input_usd_per_mtok * share).quantize(NINE_PLACES).normalize()
    rates["batch_factor"] = BATCH_SHARE if before is None else before.batch_factor
    return Price(
        provider="anthropic",
        model=model,
        valid_from=valid_from,
        input_usd_per_mtok=input_usd_per_mtok,
        output_usd_per_mtok=output_usd_per_mtok,
        long_prompt_tokens=None if before is None else before.long_prompt_tokens,
        long_input_factor=ONE if before is None else before.long_input_factor,
        long_output_factor=ONE if before is None else before.long_output_factor,
        source=source,
        **{**rates, **others},
    )


def check_cloud_model(prices: Sequence[Price], model: str) -> None:
    """Refuse a cloud model that no price names, before anything is sent to it.

    Raises SpecError `cloud_model_unknown` with the closest known name.
    """
    known = sorted({price.model for price in prices})
    if model in known or SNAPSHOT.sub("", model) in known:
        return
    close = difflib.get_close_matches(model, known, n=1, cutoff=0.0)
    raise SpecError("cloud_model_unknown", model=model, suggestion=close[0] if close else "none")


def price_cloud(usage: CloudUsage, price: Price, mode: CloudMode) -> int:
    """Return what a call costs in nano-USD: usage x price, exact, rounded once, half to even."""
    factor = price.batch_factor if mode == "batch" else ONE
    is_long = (
        price.long_prompt_tokens is not None and usage.prompt_tokens > price.long_prompt_tokens
    )
    with localcontext(EXACT):
        read = (
            usage.input_tokens * price.input_usd_per_mtok
            + usage.cache_write_5m_tokens * price.cache_write_5m_usd_per_mtok
            + usage.cache_write_1h_tokens * price.cache_write_1h_usd_per_mtok
            + usage.cache_read_tokens * price.cache_read_usd_per_mtok
        )
        written = usage.output_tokens * price.output_usd_per_mtok
        if is_long:
            read, written = read * price.long_input_factor, written * price.long_output_factor
        return int(((read + written) * factor * NANO_USD_PER_TOKEN).quantize(ONE))


def price_bulk(price: Price, usage: CloudUsage, mode: CloudMode) -> int:
    """Return what many calls of ordinary length cost together in nano-USD; `usage` is their sum."""
    return price_cloud(usage, replace(price, long_prompt_tokens=None), mode)


@cache
def built_in_prices() -> tuple[Price, ...]:
    """Return the list prices of Anthropic's active models: those with a batch price."""
    anthropic = next(provider for provider in providers if provider.id == "anthropic")
    return tuple(
        price
        for model in sorted(anthropic.models, key=lambda model: model.id)
        for price in _read_model(model)
    )


def _is_set(price: Price) -> bool:
    """Whether a user set this price."""
    return not price.source.startswith(BUILT_IN)


def _read_model(model: ModelInfo) -> Iterable[Price]:
    """Make a price of each dated entry of a model that may be called in a batch."""
    batch = next(
        (
            variant.prices
            for variant in model.price_variants or ()
            if variant.when == {"processing": "batch"}
        ),
        None,
    )
    if batch is None:
        return
    dated = (
        [(ALWAYS, model.prices)]
        if isinstance(model.prices, ModelPrice)
        else [(_start(entry.constraint), entry.prices) for entry in model.prices]
    )
    # The batch prices are those of today; their share of the standard price is taken for all.
    factor = _share(_base(batch, "input_mtok"), _base(dated[-1][1], "input_mtok"))
    for valid_from, prices in dated:
        yield _read_price(model.id, valid_from, prices, factor)


def _read_price(model: str, valid_from: date, prices: ModelPrice, factor: Decimal) -> Price:
    over_tokens, input_factor = _tier(prices, "input_mtok")
    _, output_factor = _tier(prices, "output_mtok")
    return Price(
        provider="anthropic",
        model=model,
        valid_from=valid_from,
        input_usd_per_mtok=_base(prices, "input_mtok"),
        output_usd_per_mtok=_base(prices, "output_mtok"),
        cache_write_5m_usd_per_mtok=_base(prices, "cache_write_mtok"),
        cache_write_1h_usd_per_mtok=_base(prices, "cache_write_1h_mtok"),
        cache_read_usd_per_mtok=_base(prices, "cache_read_mtok"),
        batch_factor=factor,
        long_prompt_tokens=over_tokens,
        long_input_factor=input_factor,
        long_output_factor=output_factor,
        source=f"{BUILT_IN} {genai_prices.__version__}",
    )


def _start(constraint: object) -> date:
    return constraint.start_date if isinstance(constraint, StartDateConstraint) else ALWAYS


def _base(prices: ModelPrice, key: str) -> Decimal:
    """Return a rate for prompts of ordinary length."""
    rate = getattr(prices, key)
    base = rate.base if isinstance(rate, TieredPrices) else rate
    if not isinstance(base, Decimal):
        raise TypeError(f"genai-prices has no {key}")
    return base


def _tier(prices: ModelPrice, key: str) -> tuple[int | None, Decimal]:
    """Return from how many tokens on a rate is dearer, and how many times."""
    rate = getattr(prices, key)
    if not isinstance(rate, TieredPrices) or not rate.tiers:
        return None, ONE
    (tier,) = rate.tiers
    return tier.start, _share(tier.price, rate.base)


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return (part / whole).normalize()
