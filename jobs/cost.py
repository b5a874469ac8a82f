"""Money: device time and rates in, integer nano-USD out, rounded once per attempt."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

NANO_USD_PER_USD = 1_000_000_000
SECONDS_PER_HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class DeviceRate:
    """What an hour of a device costs: its purchase spread over its life, and its power."""

    purchase_usd_per_hour: Decimal
    watts: Decimal
    usd_per_kwh: Decimal

    @property
    def usd_per_hour(self) -> Decimal:
        """Purchase per hour + kilowatts x power price."""
        return self.purchase_usd_per_hour + self.watts / 1000 * self.usd_per_kwh


def device_cost_nano_usd(rate: DeviceRate, device_ms: float) -> int:
    """Return what `device_ms` milliseconds cost in nano-USD, rounded half to even."""
    seconds = Decimal(repr(device_ms)) / 1000
    nano_usd = rate.usd_per_hour * NANO_USD_PER_USD * seconds / SECONDS_PER_HOUR
    return int(nano_usd.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def format_usd(nano_usd: int) -> str:
    """Return nano-USD as a plain decimal string of dollars, without losing a digit."""
    text = f"{Decimal(nano_usd) / NANO_USD_PER_USD:.9f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"
