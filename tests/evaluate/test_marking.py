"""The spec an evaluation runs: it can be told from the user's own, and costs nothing."""

from jobs.evaluate import mark_name, mark_spec
from jobs.spec import Spec, parse_spec

HYBRID = """
name = "orders"
tags = { team = "desk" }
[task]
kind = "classify"
labels = ["a", "b"]
[input]
text = "text"
keep = ["store"]
[route]
tiers = ["small", "large"]
cloud = "claude-haiku-5-5"
[gate]
mode = "threshold"
threshold = 0.9
[policy]
data_class = "open"
budget_usd = 5
"""


def hybrid() -> Spec:
    """A spec that sends rows to a cloud."""
    return parse_spec(HYBRID, "orders.toml")


def test_nothing_is_sent_unasked() -> None:
    """No cloud, no budget, every sound answer kept; the data class is the user's."""
    marked = mark_spec(hybrid(), "gold", ("language",))
    assert marked.route.cloud == "none"
    assert marked.policy.budget_usd == 0
    assert (marked.gate.mode, marked.policy.data_class) == ("keep_all", "open")
    assert marked.input.keep == ("store", "gold", "language")


def test_it_is_marked() -> None:
    """Another name and a tag, so that views of the user's nights stay as they are."""
    spec = hybrid()
    marked = mark_spec(spec, "gold", ())
    assert marked.name == "evaluate: orders"
    assert marked.tags == {"team": "desk", "sekisho": "evaluation"}
    assert marked.hash() != spec.hash()
    assert spec.name == "orders"


def test_the_cloud_stays_only_when_it_is_asked_for() -> None:
    """With its gate and its budget."""
    marked = mark_spec(hybrid(), "gold", (), cloud=True)
    assert (marked.route.cloud, marked.gate.mode) == ("claude-haiku-5-5", "threshold")
    assert marked.policy.budget_usd == 5


def test_another_model_takes_the_first_place() -> None:
    """One that stands further back is not asked twice."""
    assert mark_spec(hybrid(), "gold", (), model="new").route.tiers == ("new", "large")
    assert mark_spec(hybrid(), "gold", (), model="large").route.tiers == ("large",)


def test_long_names_stay_apart() -> None:
    """They fit, and two that begin alike are still two."""
    names = [mark_name("x" * 62 + end) for end in "ab"]
    assert all(len(name) <= 64 for name in names)
    assert names[0] != names[1]
