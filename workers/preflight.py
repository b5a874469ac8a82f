"""What a route's cloud needs, looked at before the local part: policy, price, key, address."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal

from jobs.cost import NANO_USD_PER_USD, format_usd
from jobs.errors import SekishoError
from jobs.prices import Price, check_cloud_model, choose_price
from jobs.route import NO_CLOUD, Route, route_of
from jobs.spec import Spec

KNOCK_SECONDS: Final = 3.0
Level = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing looked at, as a code and its parameters; never a key."""

    about: Literal["policy", "price", "key", "address"]
    code: str
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    level: Level = "good"


def look_at_cloud(spec: Spec, prices: Sequence[Price], *, from_here: bool) -> list[Remark]:
    """Look at all that the spec's cloud needs; empty for a route without one.

    `from_here` says that this machine is to send, so that key and address matter here.
    """
    route = route_of(spec)
    if route.cloud == NO_CLOUD:
        return []
    remarks = [_look_at_policy(route), _look_at_price(route, prices)]
    if from_here:
        remarks += _look_at_access(route)
    if remarks[0].level == "good":
        return remarks
    # Where nothing may leave, nothing else can keep a row from leaving.
    return [
        Remark(one.about, one.code, one.params, "warning" if one.level == "bad" else one.level)
        for one in remarks
    ]


def _look_at_policy(route: Route) -> Remark:
    if route.data_class != "open":
        return Remark("policy", "preflight_local_only", {"model": route.cloud}, "warning")
    if route.budget_nano_usd <= 0:
        return Remark("policy", "preflight_no_budget", {"model": route.cloud}, "warning")
    return Remark("policy", "preflight_budget", {"usd": format_usd(route.budget_nano_usd)})


def _look_at_price(route: Route, prices: Sequence[Price]) -> Remark:
    try:
        check_cloud_model(prices, route.cloud)
        price = choose_price(prices, route.cloud, datetime.now(UTC))
    except SekishoError as error:
        return Remark("price", error.code, error.params, "bad")
    rates = {"input": price.input_usd_per_mtok, "output": price.output_usd_per_mtok}
    shown = {name: _show(rate) for name, rate in rates.items()}
    named = {"model": route.cloud, **shown, "source": price.source}
    if not all(rates.values()):
        return Remark("price", "preflight_price_zero", named, "warning")
    return Remark("price", "preflight_price", named)


def _show(usd: Decimal) -> str:
    return format_usd(int(usd * NANO_USD_PER_USD))


def _look_at_access(route: Route) -> Iterator[Remark]:
    try:
        from workers.engines import anthropic  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        yield Remark("key", "cloud_not_installed", {"package": error.name}, "bad")
        return

    def see_key() -> Remark:
        if not anthropic.has_key():  # else the words speak of rows that wait already
            named = {"variable": anthropic.KEY_VARIABLE}
            return Remark("key", "preflight_no_key", named, "bad")
        anthropic.read_key()
        return Remark("key", "preflight_key", {"variable": anthropic.KEY_VARIABLE})

    def see_address() -> Remark:
        address = anthropic.read_address()
        anthropic.knock(address, route.cloud, seconds=KNOCK_SECONDS)
        return Remark("address", "preflight_address", {"host": anthropic.name_host(address)})

    yield _try("key", see_key)
    yield _try("address", see_address)


def _try(about: Literal["key", "address"], look: Callable[[], Remark]) -> Remark:
    try:
        return look()
    except SekishoError as error:
        return Remark(about, error.code, error.params, "bad")
