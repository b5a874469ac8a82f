"""Cloud prices: `prices list`, `prices set`."""

import re
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from jobs.errors import SettingError
from jobs.prices import ALWAYS, Price, PricePeriod, built_in_prices, list_periods, make_price
from jobs.store import price_list
from workers.cli.options import (
    Config,
    Db,
    Json,
    Redis,
    open_room,
    parse_amount,
    print_json,
    print_table,
    who,
    words,
)
from workers.settings import read_settings

USD_MAX: Final = Decimal(1_000_000)  # per million tokens: a dollar for each token
FACTOR_MAX: Final = Decimal(100)
DEAR_USD: Final = Decimal(1_000)  # ten times what the dearest model costs
FAR: Final = timedelta(days=366)
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CHARGED: Final = ("input_usd_per_mtok", "output_usd_per_mtok")
MaybeUsd = Annotated[str | None, typer.Option(metavar="USD", help=words("help_price_cache"))]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help=words("help_prices_group"), no_args_is_help=True)
    group.command("list", help=words("help_prices_list"))(list_prices)
    group.command("set", help=words("help_prices_set"))(set_price)
    app.add_typer(group, name="prices")


def list_prices(
    db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    own = price_list.find_stored(settings.database_url)
    periods = list_periods((*own, *built_in_prices()))
    if as_data:
        print_json({"prices": [_as_data(period) for period in periods]})
        return
    names = ("model", "from", "until", "input", "output", "cache_read", "batch", "source")
    print_table([words(f"price_{name}") for name in names], [_as_cells(one) for one in periods])
    typer.echo(words("prices_unit"))


def set_price(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=words("help_price_model"))],
    valid_from: Annotated[
        str, typer.Option("--from", metavar="DATE", help=words("help_price_from"))
    ],
    input_usd: Annotated[
        str, typer.Option("--input", metavar="USD", help=words("help_price_input"))
    ],
    output_usd: Annotated[
        str, typer.Option("--output", metavar="USD", help=words("help_price_output"))
    ],
    cache_read: MaybeUsd = None,
    cache_write_5m: Annotated[str | None, typer.Option("--cache-write-5m", metavar="USD")] = None,
    cache_write_1h: Annotated[str | None, typer.Option("--cache-write-1h", metavar="USD")] = None,
    batch_factor: Annotated[
        str | None, typer.Option(metavar="FACTOR", help=words("help_price_batch"))
    ] = None,
    free: Annotated[bool, typer.Option("--free", help=words("help_price_free"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    if not 1 <= len(model) <= 64 or not model.isprintable() or any(map(str.isspace, model)):
        raise SettingError("price_model_wrong")
    rates = {
        "input_usd_per_mtok": _read_amount("--input", input_usd),
        "output_usd_per_mtok": _read_amount("--output", output_usd),
        "cache_read_usd_per_mtok": _read_optional("--cache-read", cache_read),
        "cache_write_5m_usd_per_mtok": _read_optional("--cache-write-5m", cache_write_5m),
        "cache_write_1h_usd_per_mtok": _read_optional("--cache-write-1h", cache_write_1h),
        "batch_factor": _read_optional("--batch-factor", batch_factor, FACTOR_MAX),
    }
    day = _read_day(valid_from)
    zero = [name for name in CHARGED if not rates[name]]
    if zero and not free:
        raise SettingError("price_zero", model=model)
    _warn(model, day, [rate for rate in rates.values() if rate is not None])
    with open_room(db, redis, config, create=True) as room:
        known = (*price_list.stored(room.database), *built_in_prices())
        given = {name: rate for name, rate in rates.items() if rate is not None}
        price = make_price(known, model, day, source=who(), **given)
        price_list.put(room.database, price)
        if as_data:
            print_json(_rates(price))
        else:
            typer.echo(
                room.say(
                    "price_set",
                    model=model,
                    date=day.isoformat(),
                    input=_show(price.input_usd_per_mtok),
                    output=_show(price.output_usd_per_mtok),
                    source=price.source,
                )
            )


def _read_optional(option: str, text: str | None, most: Decimal = USD_MAX) -> Decimal | None:
    return None if text is None else _read_amount(option, text, most)


def _read_amount(option: str, text: str, most: Decimal = USD_MAX) -> Decimal:
    """Read a decimal from 0 on, with at most nine places: what is stored is what was said."""
    amount = parse_amount(text, most)
    if amount is None:
        raise SettingError("price_wrong", option=option, value=text, most=most)
    return amount


def _read_day(text: str) -> date:
    """Read YYYY-MM-DD and nothing else that Python takes for a date."""
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise SettingError("date_wrong", option="--from", value=text)


def _warn(model: str, day: date, rates: Sequence[Decimal]) -> None:
    """Say on stderr what is possible, but probably a slip."""
    if day > datetime.now(UTC).date() + FAR:
        typer.echo(words("price_far", model=model, date=day.isoformat()), err=True)
    dearest = max(rates)
    if dearest > DEAR_USD:
        typer.echo(words("price_dear", model=model, usd=_show(dearest)), err=True)


def _rates(price: Price) -> dict[str, Any]:
    """Return a price as plain data, amounts as exact decimal strings."""
    data: dict[str, Any] = {field.name: getattr(price, field.name) for field in fields(price)}
    data |= {name: _show(value) for name, value in data.items() if isinstance(value, Decimal)}
    data["valid_from"] = None if price.valid_from == ALWAYS else price.valid_from.isoformat()
    return data


def _as_data(period: PricePeriod) -> dict[str, Any]:
    until = period.valid_until.isoformat() if period.valid_until else None
    return {**_rates(period.price), "valid_until": until, "in_force": period.holds}


def _as_cells(period: PricePeriod) -> Sequence[str]:
    price = period.price
    until = period.valid_until.isoformat() if period.valid_until else "-"
    return (
        price.model,
        "-" if price.valid_from == ALWAYS else price.valid_from.isoformat(),
        until if period.holds else words("price_replaced"),
        _show(price.input_usd_per_mtok),
        _show(price.output_usd_per_mtok),
        _show(price.cache_read_usd_per_mtok),
        f"x{_show(price.batch_factor)}",
        price.source,
    )


def _show(amount: Decimal) -> str:
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
