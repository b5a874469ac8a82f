"""The views analysts use: the same columns on SQLite and PostgreSQL.

They are recreated after every migration, so they always equal these texts. What each column
means stands in `jobs.dictionary`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jobs.views.dialect import DIALECT_WORDS, fill
from jobs.views.dimensions import DIM_BATCHES, DIM_MODELS
from jobs.views.facts import FCT_ATTEMPTS, FCT_REJECTS, FCT_RESULTS, FCT_RESULTS_LATEST
from jobs.views.money import FCT_COSTS_DAILY, FCT_SAVINGS_MONTHLY
from jobs.views.thresholds import WHAT_IF_THRESHOLDS

__all__ = ["DIALECT_WORDS", "VIEWS", "view_sql"]

VIEWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fct_results": FCT_RESULTS,
        "fct_results_latest": FCT_RESULTS_LATEST,
        "fct_attempts": FCT_ATTEMPTS,
        "fct_rejects": FCT_REJECTS,
        "fct_costs_daily": FCT_COSTS_DAILY,
        "fct_savings_monthly": FCT_SAVINGS_MONTHLY,
        "dim_batches": DIM_BATCHES,
        "dim_models": DIM_MODELS,
        "what_if_thresholds": WHAT_IF_THRESHOLDS,
    }
)
"""Name -> SELECT, in the order in which they can be created."""


def view_sql(name: str, dialect: str) -> str:
    """Return the CREATE VIEW statement for one dialect (`sqlite` or `postgresql`)."""
    return f"CREATE VIEW {name} AS{fill(VIEWS[name], dialect)}"
