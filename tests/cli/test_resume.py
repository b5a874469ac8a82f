"""`resume`: what only an obstacle stopped is asked again, if need be with more money."""

from pathlib import Path

import pytest

from jobs.store import Database
from tests.cli.conftest import Call
from tests.conftest import opened
from tests.store.test_cloud import run_out


@pytest.fixture
def batch_id(folder: Path, sqlite: Database) -> str:
    """A closed batch whose budget of 1,000 nano-USD is used up, in the folder's database."""
    assert sqlite.shown.endswith("sekisho.db")
    with opened(f"sqlite:///{folder / 'sekisho.db'}") as database:
        return run_out(database)


def test_a_plain_resume_says_that_the_budget_is_used_up(call: Call, batch_id: str) -> None:
    """The option that helps is named with the batch; data stay on stdout."""
    told = call("resume", batch_id, "--json")
    assert told.status == 0
    assert told.data == {
        "batch_id": batch_id,
        "resumed": 1,
        "answered_late": 0,
        "budget_usd": "0.000001",
        "taken_usd": "0.000001",
    }
    assert f"sekisho resume {batch_id} --budget USD" in told.err


def test_a_budget_is_raised_on_record(call: Call, batch_id: str) -> None:
    """The new budget is shown and used; nothing is said of one that is used up."""
    told = call("resume", batch_id, "--budget", "0.5")
    assert told.status == 0
    assert "0.50 USD now, of which 0.000001 USD" in told.err
    assert "used up" not in told.err


@pytest.mark.parametrize(
    ("usd", "code"),
    [
        ("0", "budget_below_taken"),
        ("-1", "budget_wrong"),
        ("1e3", "budget_wrong"),
        ("1_000", "budget_wrong"),
        ("1000001", "budget_wrong"),
        ("0.0000000001", "budget_wrong"),
        ("lots", "budget_wrong"),
        ("nan", "budget_wrong"),
    ],
)
def test_a_budget_that_is_none_is_refused(call: Call, batch_id: str, usd: str, code: str) -> None:
    """Nothing is resumed with an amount that is none, or too small for what is spent."""
    told = call("resume", batch_id, "--budget", usd, "--json")
    assert (told.status, told.code) == (2, code)
    assert call("resume", batch_id, "--json").data["resumed"] == 1
