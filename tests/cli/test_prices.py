"""Prices by the command line: built-in ones listed, own ones set, wrong ones refused."""

import pytest

from tests.cli.conftest import Call

MODEL = "claude-haiku-4-5"
SET = ("prices", "set", MODEL, "--from", "2026-01-01", "--input", "2", "--output", "8")


def listed(call: Call, model: str = MODEL) -> list[dict[str, object]]:
    """The prices of one model as data."""
    called = call("prices", "list", "--json")
    assert called.status == 0
    return [price for price in called.data["prices"] if price["model"] == model]


def test_built_in_prices_need_no_database(call: Call) -> None:
    """The list prices are shown with their source, in words and as data, and nothing is made."""
    (price,) = listed(call)
    assert price["in_force"] is True
    assert str(price["source"]).startswith("genai-prices")
    shown = call("prices", "list").out
    assert MODEL in shown
    assert "million" in shown


def test_a_set_price_wins_from_its_day(call: Call) -> None:
    """The built-in price ends where the own one begins, and the cache rates keep their share."""
    assert call(*SET).status == 0
    built_in, own = listed(call)
    assert (built_in["valid_until"], built_in["in_force"]) == ("2026-01-01", True)
    assert (own["valid_from"], own["valid_until"]) == ("2026-01-01", None)
    assert (own["input_usd_per_mtok"], own["cache_read_usd_per_mtok"]) == ("2", "0.2")
    assert (own["cache_write_5m_usd_per_mtok"], own["batch_factor"]) == ("2.5", "0.5")
    assert "@" in str(own["source"])


def test_the_same_day_again_replaces(call: Call) -> None:
    """A corrected price takes the place of the one of that day; every rate can be said."""
    call(*SET)
    rates = ("--cache-read", "0.3", "--cache-write-5m", "3", "--cache-write-1h", "5")
    again = call(*SET[:-1], "9.123456789", *rates, "--batch-factor", "1", "--json")
    assert again.data["output_usd_per_mtok"] == "9.123456789"
    _, own = listed(call)
    assert own["output_usd_per_mtok"] == "9.123456789"
    assert (own["cache_read_usd_per_mtok"], own["cache_write_1h_usd_per_mtok"]) == ("0.3", "5")
    assert own["batch_factor"] == "1"


def test_an_own_model(call: Call) -> None:
    """A model nobody lists can have a price, with the usual shares for cached tokens."""
    arguments = ("prices", "set", "own-model", "--from", "2026-02-01", "--input", "0.1")
    assert call(*arguments, "--output", "0.4").status == 0
    (own,) = listed(call, "own-model")
    assert (own["cache_read_usd_per_mtok"], own["cache_write_1h_usd_per_mtok"]) == ("0.01", "0.2")


@pytest.mark.parametrize(
    ("at", "value", "code"),
    [
        (2, "", "price_model_wrong"),
        (2, " a", "price_model_wrong"),
        (2, "a b", "price_model_wrong"),
        (2, "a\u3000b", "price_model_wrong"),
        (2, "a\tb", "price_model_wrong"),
        (2, "a\x1bb", "price_model_wrong"),
        (2, "a" * 65, "price_model_wrong"),
        (4, "yesterday", "date_wrong"),
        (4, "2026-02-30", "date_wrong"),
        (4, "20260131", "date_wrong"),
        (4, "2026-W05-1", "date_wrong"),
        (4, "2026-1-31", "date_wrong"),
        (6, "free", "price_wrong"),
        (6, "NaN", "price_wrong"),
        (6, "Infinity", "price_wrong"),
        (6, "-1", "price_wrong"),
        (6, "1_0", "price_wrong"),
        (6, "1e3", "price_wrong"),
        (6, "0", "price_zero"),
        (8, "0.00", "price_zero"),
        (6, "1000001", "price_wrong"),
        (8, "0.1234567891", "price_wrong"),
    ],
)
def test_a_wrong_price_is_refused(call: Call, at: int, value: str, code: str) -> None:
    """What is no model, no day or no price changes nothing."""
    arguments = [*SET]
    arguments[at] = value
    called = call(*arguments, "--json")
    assert (called.status, called.code) == (2, code)
    assert len(listed(call)) == 1


def test_a_price_of_zero_is_said_to_be_meant(call: Call) -> None:
    """With --free it is set: the person has said that the budget holds nothing back."""
    told = call(*SET[:-1], "0", "--free", "--json")
    assert (told.status, told.data["output_usd_per_mtok"]) == (0, "0")


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [(4, "2126-01-01", "more than a year"), (6, "3000", "per million tokens, not per thousand")],
)
def test_a_slip_is_noted_and_the_price_is_set(call: Call, at: int, value: str, words: str) -> None:
    """A day far away and a price like no other are possible; a note on stderr asks."""
    arguments = [*SET]
    arguments[at] = value
    told = call(*arguments, "--json")
    assert told.status == 0
    assert words in told.err
    assert len(listed(call)) == 2
    assert call(*SET).err == ""
