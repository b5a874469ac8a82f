"""How hard a row is, and with which local model it begins."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.complexity import (
    FIELDS,
    LABELS,
    LENGTHS,
    MOST,
    StartRule,
    describe_start,
    find_start,
    measure,
    rule_of,
    start_tier,
)
from jobs.job import NewJob
from jobs.plan import BYTES_PER_TOKEN
from jobs.spec import Spec, build_spec

RULES = st.builds(
    StartRule,
    tiers=st.integers(1, 8),
    parts=st.dictionaries(st.sampled_from(["kind", "labels", "depth"]), st.integers(0, 4)),
    fixed=st.none() | st.integers(0, 10),
)


def make_spec(task: dict[str, Any], tiers: int = 2, **route: Any) -> Spec:
    """A spec of this task, with so many local models."""
    names = [f"m{number}" for number in range(tiers)]
    route = {"tiers": names, **route}
    return build_spec({"name": "s", "task": task, "input": {"text": "t"}, "route": route})


def classify(labels: int) -> dict[str, Any]:
    """A classification with so many labels."""
    return {"kind": "classify", "labels": [f"l{number}" for number in range(labels)]}


def extract(fields: int) -> dict[str, Any]:
    """An extraction of so many strings."""
    return {
        "kind": "extract",
        "fields": {f"f{number}": {"type": "string"} for number in range(fields)},
    }


@pytest.mark.parametrize(
    ("task", "points"),
    [
        (classify(2), 0),
        (classify(LABELS[0]), 0),
        (classify(LABELS[0] + 1), 1),
        (classify(LABELS[2] + 1), 3),
        (extract(1), 1),
        (extract(FIELDS[1] + 1), 3),
        ({"kind": "translate", "target_language": "de"}, 1),
        ({"kind": "translate", "target_language": "ja"}, 2),
        ({"kind": "summarize"}, 1),
    ],
)
def test_a_task_has_points_for_what_it_asks(task: dict[str, Any], points: int) -> None:
    """Writing is harder than choosing; many labels or fields and other scripts add to it."""
    assert measure(rule_of(make_spec(task)), "short words").number == points


def test_a_text_has_points_for_its_length_and_its_language() -> None:
    """A point for each length that is exceeded, and one for Japanese, Chinese or Korean."""
    rule = rule_of(make_spec(classify(2)))
    for points, limit in enumerate(LENGTHS):
        fits = "a" * (BYTES_PER_TOKEN * (limit - 1))
        assert measure(rule, fits).number == points
        assert measure(rule, fits + "aaa").number == points + 1
    for text in ("荷物はどこですか。", "包裹在哪里", "소포는 어디에 있나요"):
        assert measure(rule, text).parts["language"] == 1
    assert measure(rule, "Wo ist mein Paket?").parts["language"] == 0


@given(RULES, st.text(max_size=400))
def test_the_number_is_the_sum_of_its_parts(rule: StartRule, text: str) -> None:
    """From 0 to 10, and anybody can count it again, unless the spec fixes it."""
    found = measure(rule, text)
    assert 0 <= found.number <= MOST
    if rule.fixed is None:
        assert found.number == min(MOST, sum(found.parts.values()))
    else:
        assert (found.number, found.parts) == (rule.fixed, {})


@given(st.integers(1, 8), st.integers(0, 9))
def test_harder_rows_never_begin_with_a_cheaper_model(tiers: int, number: int) -> None:
    """Every start is a local tier; the easiest rows have the first, the hardest the last."""
    rule = StartRule(tiers, {})
    assert start_tier(rule, number) <= start_tier(rule, number + 1) < tiers
    assert start_tier(rule, 0) == 0
    assert start_tier(rule, 10) == tiers - 1


@pytest.mark.parametrize(
    ("tiers", "starts"),
    [
        (1, [0] * 11),
        (2, [0] * 3 + [1] * 8),
        (3, [0] * 3 + [1] * 3 + [2] * 5),
        (5, [0] * 3 + [1, 2, 3] + [4] * 5),
    ],
)
def test_the_lines_between_the_tiers(tiers: int, starts: list[int]) -> None:
    """Below 3 the small model, below 6 the large one, else the dearest local one."""
    assert [start_tier(StartRule(tiers, {}), number) for number in range(11)] == starts


@given(RULES, st.text(max_size=400))
def test_no_row_begins_below_the_least_tier(rule: StartRule, text: str) -> None:
    """The tier whose model is loaded first is one that no row of the spec lies below."""
    row = NewJob(1, "r1", text, {}, 1)
    told = describe_start(rule, text)
    assert rule.least_tier <= find_start(rule)(row) == told["start_tier"]
    assert told["complexity"] == measure(rule, text).number


def test_the_spec_may_fix_the_number() -> None:
    """Then every row begins alike, whatever its text, and the attempt says that it was fixed."""
    rule = rule_of(make_spec(classify(2), tiers=3, complexity=7))
    assert describe_start(rule, "short") == {"complexity": 7, "fixed": True, "start_tier": 2}
    assert rule.least_tier == 2


def test_there_is_nothing_to_tell_of_a_route_with_one_model() -> None:
    """Unless the spec names a number itself."""
    assert not rule_of(make_spec(classify(2), tiers=1)).matters
    assert rule_of(make_spec(classify(2), tiers=1, complexity=0)).matters
    assert rule_of(make_spec(classify(2), tiers=2)).matters


def test_a_spec_without_the_key_keeps_its_hash() -> None:
    """The key changes what is asked of which model, so it is part of the spec where it stands."""
    plain = make_spec(classify(2))
    assert "complexity" not in plain.model_dump(exclude_defaults=True)["route"]
    assert plain.hash() != make_spec(classify(2), complexity=4).hash()
