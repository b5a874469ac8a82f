"""`report savings`: text and data name their baseline."""

from pathlib import Path

from jobs.store import open_database
from tests.cli.conftest import SPEC, Call
from tests.store.making import drive

MODEL = "claude-haiku-4-5"


def answered(call: Call, folder: Path, *, cloud: bool) -> None:
    """Hand in the rows and answer them."""
    if cloud:
        (folder / "spec.toml").write_text(SPEC + f'cloud = "{MODEL}"\n')
    call("submit", "rows.csv", "--spec", "spec.toml")
    database = open_database("sqlite:///sekisho.db")
    drive(database)
    database.close()


def test_savings_against_the_routes_own_cloud(call: Call, folder: Path) -> None:
    """The numbers agree with each other, and the text says what the baseline is."""
    answered(call, folder, cloud=True)
    (line,) = call("report", "savings", "--json").data["savings"]
    assert (line["model"], line["mode"], line["baseline"]) == (MODEL, "realtime", "estimate")
    assert (line["rows"], line["kept"], line["escalated"]) == (2, 2, 0)
    saved = float(line["baseline_usd"]) - float(line["cost_usd"])
    assert abs(float(line["saved_usd"]) - saved) < 1e-9
    shown = call("report", "savings").out
    assert f"Baseline {MODEL}, realtime: an estimate" in shown


def test_savings_without_a_cloud(call: Call, folder: Path) -> None:
    """A route without a cloud has no baseline, and that is said."""
    answered(call, folder, cloud=False)
    (line,) = call("report", "savings", "--json").data["savings"]
    assert (line["baseline"], line["baseline_usd"], line["saved_usd"]) == ("none", None, None)
    assert "names no cloud model" in call("report", "savings").out


def test_savings_of_nothing(call: Call) -> None:
    """An empty database has no savings; one that is not there is an error."""
    assert call("report", "savings", "--json").code == "database_missing"
    call("db", "upgrade")
    assert call("report", "savings", "--json").data == {"savings": []}
    assert "No rows" in call("report", "savings").out
