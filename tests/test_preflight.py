"""What a route's cloud needs is said before the work: policy, price, key and address."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from jobs.prices import Price, built_in_prices
from jobs.spec import Spec, parse_spec
from jobs.words import LANGUAGES, say
from tests.standin import RunningStandIn, run_standin
from tests.test_prices import MINE
from workers.preflight import Remark, look_at_cloud

pytestmark = pytest.mark.integration

KEY = "sk-never-shown"


def make_spec(
    cloud: str = "claude-haiku-5-5", data_class: str = "open", budget: str = "1.5"
) -> Spec:
    """A spec with a cloud."""
    text = f"""name = "s"
[task]
kind = "summarize"
[input]
text = "body"
[route]
cloud = "{cloud}"
[policy]
data_class = "{data_class}"
budget_usd = {budget}
"""
    return parse_spec(text, "s.toml")


def look(spec: Spec, prices: tuple[Price, ...] = built_in_prices()) -> dict[str, Remark]:
    """The remarks by what they are about; their words hold no key, in either language."""
    remarks = look_at_cloud(spec, prices, from_here=True)
    for remark in remarks:
        for language in LANGUAGES:
            words = say(remark.code, language, **remark.params)
            assert KEY not in words
            assert "None" not in words
            assert remark.code not in words
    return {remark.about: remark for remark in remarks}


def levels(remarks: dict[str, Remark]) -> dict[str, str]:
    """How bad each one is."""
    return {about: remark.level for about, remark in remarks.items()}


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningStandIn]:
    """A cloud that answers, and a key for it."""
    with run_standin() as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        yield running


def test_a_good_setup_is_good(standin: RunningStandIn) -> None:
    """Everything is named, nothing was asked, and a route without a cloud needs nothing."""
    found = look(make_spec())
    assert levels(found) == dict.fromkeys(("policy", "price", "key", "address"), "good")
    assert found["policy"].params["usd"] == "1.50"
    assert standin.arrived == 0
    assert look_at_cloud(make_spec("none"), built_in_prices(), from_here=True) == []


@pytest.mark.parametrize(
    ("key", "code"), [("", "preflight_no_key"), ("sk never-shown", "cloud_key_malformed")]
)
def test_a_missing_or_broken_key_is_bad(
    standin: RunningStandIn, monkeypatch: pytest.MonkeyPatch, key: str, code: str
) -> None:
    """The key is looked at and never shown."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    found = look(make_spec())
    assert (found["key"].code, found["key"].level) == (code, "bad")
    assert found["address"].level == "good"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("cloud.test", "cloud_address_wrong"),
        ("https://cloud.test/?q", "cloud_address_has_query"),
        ("http://user:secret@127.0.0.1:9", "cloud_unreachable"),
    ],
)
def test_a_wrong_or_silent_address_is_bad(
    standin: RunningStandIn, monkeypatch: pytest.MonkeyPatch, address: str, code: str
) -> None:
    """What is no address, and where nobody answers, is told before a row could leave."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
    found = look(make_spec())["address"]
    assert (found.code, found.level) == (code, "bad")
    assert "secret" not in str(found.params)


def test_a_price_that_is_missing_or_zero(standin: RunningStandIn) -> None:
    """Without a price nothing may be sent; with a price of 0 the budget means nothing."""
    unknown = look(make_spec("claude-haiku-9"))["price"]
    assert (unknown.code, unknown.level) == ("cloud_model_unknown", "bad")
    free = replace(MINE, model="ours", output_usd_per_mtok=Decimal(0))
    free = replace(free, valid_from=min(price.valid_from for price in built_in_prices()))
    found = look(make_spec("ours"), (free,))["price"]
    assert (found.code, found.level) == ("preflight_price_zero", "warning")


@pytest.mark.parametrize(
    ("data_class", "budget", "code"),
    [("open", "0", "preflight_no_budget"), ("local_only", "1", "preflight_local_only")],
)
def test_where_nothing_may_leave_nothing_is_bad(
    standin: RunningStandIn,
    monkeypatch: pytest.MonkeyPatch,
    data_class: str,
    budget: str,
    code: str,
) -> None:
    """A policy that keeps every row here is a warning, and a missing key no more than that."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    found = look(make_spec(data_class=data_class, budget=budget))
    assert (found["policy"].code, found["policy"].level) == (code, "warning")
    assert found["key"].level == "warning"


def test_who_only_hands_in_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others send, neither key nor address is looked at here."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    remarks = look_at_cloud(make_spec(), built_in_prices(), from_here=False)
    assert [remark.about for remark in remarks] == ["policy", "price"]
