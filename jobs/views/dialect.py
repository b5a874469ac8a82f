"""Where the two databases say the same thing in different words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DIALECT_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "sqlite": {
            "usd": "CAST({} AS DOUBLE PRECISION) / 1000000000",
            "month": "strftime('%Y-%m', {})",
            "bytes": "LENGTH(CAST({} AS BLOB))",
            "spec": "json_extract(b.spec, '$.{}')",
            "spec_part": "json_extract(b.spec, '$.{}.{}')",
        },
        "postgresql": {
            "usd": "CAST({} AS NUMERIC) / 1000000000",
            "month": "to_char({}, 'YYYY-MM')",
            "bytes": "OCTET_LENGTH({})",
            "spec": "b.spec ->> '{}'",
            "spec_part": "b.spec -> '{}' ->> '{}'",
        },
    }
)

PLACES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "job_cost": ("usd", "j.cost_nano_usd"),
        "attempt_cost": ("usd", "a.cost_nano_usd"),
        "attempts_cost": ("usd", "SUM(a.cost_nano_usd)"),
        "jobs_cost": ("usd", "COALESCE(SUM(j.cost_nano_usd), 0)"),
        "budget": ("usd", "b.budget_nano_usd"),
        "taken": ("usd", "b.cloud_nano_usd"),
        "local_cost": ("usd", "SUM(cost - cloud_cost)"),
        "cloud_cost": ("usd", "SUM(cloud_cost)"),
        "sum_cost": ("usd", "SUM(cost)"),
        "maybe_paid": ("usd", "SUM(maybe_paid)"),
        "kept_cost": ("usd", "CASE WHEN t.step <= w.level THEN w.kept_cost ELSE 0 END"),
        "escalated_cost": (
            "usd",
            "(w.all_cost - CASE WHEN t.step <= w.level THEN w.kept_cost ELSE 0 END)",
        ),
        "month": ("month", "j.reporting_day"),
        "label_bytes": ("bytes", "f.label"),
        "timezone": ("spec", "timezone"),
        "cloud": ("spec_part", "route", "cloud"),
        "mode": ("spec_part", "route", "mode"),
        "gate_mode": ("spec_part", "gate", "mode"),
        "gate_threshold": ("spec_part", "gate", "threshold"),
        "data_class": ("spec_part", "policy", "data_class"),
    }
)
"""Placeholder of a view's text -> the word of the dialect, and what that is said of."""


def fill(select: str, dialect: str) -> str:
    """Put a dialect's words (`sqlite` or `postgresql`) into a view's text."""
    words = DIALECT_WORDS[dialect]
    return select.format(**{name: words[word].format(*of) for name, (word, *of) in PLACES.items()})
