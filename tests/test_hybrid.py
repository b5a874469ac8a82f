"""`make hybrid`: its specs are the examples' own, with a cloud behind them; its words are told."""

import csv
from pathlib import Path

import pytest

from jobs.spec import read_spec
from tests.standin import hybrid
from tests.standin.hybrid import CLOUD, EXAMPLES, ROUTES, WORDS, Example


@pytest.mark.parametrize("example", ROUTES, ids=lambda example: example.task)
def test_a_variant_differs_in_route_gate_and_policy_only(example: Example, tmp_path: Path) -> None:
    """The spec is the committed one, but for what lets its rows leave."""
    hybrid.write_variant(example, tmp_path)
    own = read_spec(EXAMPLES / example.spec).canonical()
    variant = read_spec(tmp_path / example.spec).canonical()
    changed = {key for key in own if own[key] != variant[key]}
    assert changed == {"route", "gate", "policy"}
    assert variant["task"]["kind"] == example.task
    assert variant["route"] == {**own["route"], "cloud": CLOUD}
    assert variant["gate"] == {"mode": "threshold", "threshold": example.threshold}
    assert variant["policy"]["data_class"] == "open"


@pytest.mark.parametrize("example", ROUTES, ids=lambda example: example.task)
def test_each_row_has_an_answer(example: Example, tmp_path: Path) -> None:
    """The rows are the example's first ones, and the stand-in is told an answer to each."""
    oracle = hybrid.write_rows(example, tmp_path)
    with (tmp_path / example.rows).open(encoding="utf-8", newline="") as source:
        texts = [row[example.text] for row in csv.DictReader(source)]
    assert 0 < len(texts) <= 40
    assert set(oracle) == set(texts)
    assert all(oracle.values())


def test_both_languages_say_that_it_is_simulated() -> None:
    """The first and last line says so in words nobody can take for a result."""
    assert set(WORDS["en"]) == set(WORDS["ja"])
    assert "SIMULATED" in str(WORDS["en"]["simulated"])
    assert "模擬" in str(WORDS["ja"]["simulated"])
