"""`report batch`: text, JSON or one HTML file; never over what is needed."""

from pathlib import Path

import pytest

from jobs.store import open_database
from tests.cli.conftest import Call
from tests.store.making import drive


@pytest.fixture
def batch_id(call: Call, folder: Path) -> str:
    """A batch of two answered rows and one reject."""
    with (folder / "rows.csv").open("a") as file:
        file.write("r3,\n")
    told = call("submit", "rows.csv", "--spec", "spec.toml", "--json")
    database = open_database("sqlite:///sekisho.db")
    drive(database)
    database.close()
    return str(told.data["batch_id"])


def test_a_batchs_page(call: Call, folder: Path, batch_id: str) -> None:
    """The text is on stdout; with --html a file is written; --json gives the figures."""
    text = call("report", "batch", batch_id)
    assert (text.status, text.err) == (0, "")
    assert f"sekisho rejects {batch_id}" in text.out
    assert "2 of 3 rows are done" in text.out
    assert "where is it" not in text.out  # a row's text
    written = call("report", "batch", "latest", "--html", "page.html", "--json")
    assert (written.data["batch_id"], written.data["rejected"]) == (batch_id, 1)
    html = (folder / "page.html").read_text("utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert "where is it" not in html
    assert call("report", "batch", "latest", "--html", "page.html").out == ""


def test_the_page_in_japanese(
    call: Call, folder: Path, batch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The language is the reader's."""
    assert batch_id
    assert folder
    monkeypatch.setenv("SEKISHO_LANG", "ja")
    assert "人の手が要るもの" in call("report", "batch", "latest").out


@pytest.mark.parametrize("out", ["rows.csv", "sekisho.db", "sekisho.toml"])
def test_a_page_never_replaces_what_is_needed(
    call: Call, folder: Path, batch_id: str, out: str
) -> None:
    """The input, the database and the settings stay."""
    before = (folder / out).read_bytes()
    told = call("report", "batch", batch_id, "--html", out, "--json")
    assert (told.status, told.code) == (2, "out_is_needed")
    assert "--html" in told.err
    assert (folder / out).read_bytes() == before


def test_an_unknown_batch(call: Call, batch_id: str) -> None:
    """It is named."""
    assert batch_id
    assert call("report", "batch", "b00", "--json").code == "batch_not_found"
