"""The route: local tiers in their order, then the cloud where all of the policy allows it."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.job import CLOUD_QUEUE, Step, queue_name
from jobs.route import Route, next_step, route_of
from jobs.spec import parse_spec
from jobs.words import LANGUAGES, Language, catalogue

LEAVING: dict[str, Any] = {
    "cloud": "claude-haiku-4-5",
    "data_class": "open",
    "budget_nano_usd": 1,
}
"""The least that lets a row leave."""
HEAD = 'name = "x"\n[task]\nkind = "classify"\nlabels = ["a", "b"]\n[input]\ntext = "t"\n'
OBSTACLES = ("no_cloud", "policy_local_only", "no_budget")


def test_local_tiers_come_in_their_order() -> None:
    """Every local tier is asked before the cloud, each by its own queue."""
    route = Route(("small", "middle", "large"), **LEAVING)
    assert next_step(route, 0) == Step("local", 1, queue_name("middle"))
    assert next_step(route, 1) == Step("local", 2, queue_name("large"))
    assert next_step(route, 2) == Step("cloud", 3, CLOUD_QUEUE)


def test_local_tiers_need_no_permission() -> None:
    """What stays here is not the policy's business."""
    assert next_step(Route(("small", "large")), 0) == Step("local", 1, queue_name("large"))


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"cloud": "none"}, "no_cloud"),
        ({"data_class": "local_only"}, "policy_local_only"),
        ({"data_class": "mask"}, "policy_local_only"),
        ({"data_class": ""}, "policy_local_only"),
        ({"data_class": "OPEN"}, "policy_local_only"),
        ({"budget_nano_usd": 0}, "no_budget"),
        ({"budget_nano_usd": -1}, "no_budget"),
    ],
)
def test_anything_but_a_permission_keeps_a_row_here(change: dict[str, Any], obstacle: str) -> None:
    """One missing permission is enough, and it is named; the row's tier stays."""
    step = next_step(Route(("small",), **{**LEAVING, **change}), 0)
    assert step == Step("review", 0, obstacle=obstacle)


def test_only_one_of_all_combinations_leaves() -> None:
    """The permissions hold together or not at all."""
    leaving = [
        Route(("small",), cloud, data_class, budget)
        for cloud, data_class, budget in product(
            ("none", "claude-haiku-4-5"), ("local_only", "mask", "open"), (0, 1)
        )
        if next_step(Route(("small",), cloud, data_class, budget), 0).kind == "cloud"
    ]
    assert leaving == [Route(("small",), **LEAVING)]


def test_after_the_cloud_there_is_nobody() -> None:
    """A row that the cloud has answered goes to a person, never around again."""
    for tier in (1, 2, 9):
        step = next_step(Route(("small",), **LEAVING), tier)
        assert (step.kind, step.queue, step.obstacle) == ("review", None, None)


@given(
    tiers=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4, unique=True),
    cloud=st.sampled_from(["none", "m"]),
    data_class=st.sampled_from(["open", "mask", "local_only"]) | st.text(max_size=5),
    budget=st.integers(-3, 3),
    tier=st.integers(0, 6),
)
def test_no_route_leaves_without_every_permission(
    tiers: list[str], cloud: str, data_class: str, budget: int, tier: int
) -> None:
    """Whatever the route, the cloud comes right after the last local tier and only if allowed."""
    step = next_step(Route(tuple(tiers), cloud, data_class, budget), tier)
    allowed = cloud != "none" and data_class == "open" and budget > 0
    assert (step.kind == "cloud") == (allowed and tier == len(tiers) - 1)
    assert (step.kind == "local") == (tier < len(tiers) - 1)
    assert (step.queue is None) == (step.kind == "review")


def test_a_spec_that_says_nothing_lets_nothing_leave() -> None:
    """The defaults of a spec are those of the strictest route."""
    route = route_of(parse_spec(HEAD, "x.toml"))
    assert route == Route(("smollm2-135m",))
    assert next_step(route, 0).kind == "review"
    named = parse_spec(f'{HEAD}[route]\ncloud = "claude-haiku-4-5"\n', "x.toml")
    assert next_step(route_of(named), 0) == Step("review", 0, obstacle="policy_local_only")


def test_a_spec_that_says_all_of_it_does() -> None:
    """The route carries the spec's tiers, cloud, class and its budget in nano-USD."""
    text = (
        f'{HEAD}[route]\ntiers = ["s", "l"]\ncloud = "claude-haiku-4-5"\n'
        '[policy]\ndata_class = "open"\nbudget_usd = 0.000000003\n'
    )
    route = route_of(parse_spec(text, "x.toml"))
    assert route == Route(("s", "l"), "claude-haiku-4-5", "open", 3)
    assert next_step(route, 1).kind == "cloud"


@pytest.mark.parametrize("language", LANGUAGES)
def test_obstacles_have_words(language: Language) -> None:
    """A person can read why a row may not leave."""
    assert all(catalogue(language)[code] for code in OBSTACLES)
