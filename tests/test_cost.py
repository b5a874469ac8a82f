"""Money: exact, rounded once, half to even, and shown without losing a digit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cost import NANO_USD_PER_USD, DeviceRate, device_cost_nano_usd, format_usd

amounts = st.decimals(0, 1000, places=4)
rates = st.builds(DeviceRate, amounts, amounts, amounts)
times = st.floats(0, 1e7, allow_nan=False)


def exact(rate: DeviceRate, device_ms: float) -> Fraction:
    """The cost before rounding: seconds x (purchase per hour + watts x power price)."""
    per_hour = Fraction(rate.purchase_usd_per_hour) + (
        Fraction(rate.watts) / 1000 * Fraction(rate.usd_per_kwh)
    )
    return per_hour * Fraction(Decimal(repr(device_ms))) / 3_600_000 * NANO_USD_PER_USD


def test_an_hour_costs_the_rate() -> None:
    """0.02 USD of purchase and 65 W at 0.20 USD a kWh make 0.033 USD an hour."""
    rate = DeviceRate(Decimal("0.02"), Decimal(65), Decimal("0.20"))
    assert rate.usd_per_hour == Decimal("0.033")
    assert device_cost_nano_usd(rate, 3_600_000.0) == 33_000_000


@pytest.mark.parametrize(("device_ms", "nano_usd"), [(0.5, 0), (1.5, 2), (2.5, 2), (3.5, 4)])
def test_halves_go_to_even(device_ms: float, nano_usd: int) -> None:
    """A cost in the middle of two nano-USD is rounded to the even one."""
    rate = DeviceRate(Decimal("0.0036"), Decimal(0), Decimal(0))  # one nano-USD per millisecond
    assert device_cost_nano_usd(rate, device_ms) == nano_usd


@given(rates, times)
def test_rounding_is_at_most_half_a_nano(rate: DeviceRate, device_ms: float) -> None:
    """The cost is the whole number nearest to the exact one, and even in the middle."""
    cost = device_cost_nano_usd(rate, device_ms)
    assert cost == round(exact(rate, device_ms))


@given(rates, st.lists(times, max_size=20))
def test_parts_add_up(rate: DeviceRate, parts: list[float]) -> None:
    """The sum over attempts differs from the exact sum by at most half a nano-USD for each."""
    total = sum(device_cost_nano_usd(rate, part) for part in parts)
    difference = total - sum((exact(rate, part) for part in parts), Fraction())
    assert abs(difference) <= Fraction(len(parts), 2)


@given(rates, times, times)
def test_more_time_never_costs_less(rate: DeviceRate, one: float, two: float) -> None:
    """The cost grows with the time."""
    low, high = (device_cost_nano_usd(rate, value) for value in sorted((one, two)))
    assert 0 <= low <= high


@given(st.integers(-(2**63), 2**63 - 1))
def test_shown_dollars_read_back(nano_usd: int) -> None:
    """Formatted dollars are the same amount, plain and with at least two decimals."""
    text = format_usd(nano_usd)
    assert Decimal(text) * NANO_USD_PER_USD == nano_usd
    assert "E" not in text
    assert len(text.partition(".")[2]) >= 2


@pytest.mark.parametrize(
    ("nano_usd", "text"),
    [(0, "0.00"), (1, "0.000000001"), (1_500_000_000, "1.50"), (10_000_000_000, "10.00")],
)
def test_dollars_look_like_dollars(nano_usd: int, text: str) -> None:
    """Trailing zeros go, two decimals stay."""
    assert format_usd(nano_usd) == text
