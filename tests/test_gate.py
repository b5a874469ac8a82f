"""The gate: keeps or escalates, and an unknown or broken answer is never kept by default."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.gate import Judgement, Mode, Policy, judge
from jobs.words import LANGUAGES, say

MODES: tuple[Mode, ...] = get_args(Mode)
confidences = st.none() | st.floats(0, 1)


@given(st.sampled_from(MODES), confidences, st.booleans())
def test_a_problem_is_never_kept(mode: Mode, confidence: float | None, has_answer: bool) -> None:
    """A failed check escalates in every mode, whatever the confidence, and names itself."""
    policy = Policy(mode, 0.0)
    found = judge(policy, confidence=confidence, problem="some_check", has_answer=has_answer)
    assert found == Judgement(keep=False, reason_code="some_check")


@given(st.sampled_from(MODES), confidences)
def test_no_answer_is_never_kept(mode: Mode, confidence: float | None) -> None:
    """Without an answer there is nothing to keep."""
    found = judge(Policy(mode, 0.0), confidence=confidence, problem=None, has_answer=False)
    assert found == Judgement(keep=False, reason_code="no_answer")


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_threshold_keeps_what_reaches_it(threshold: float, confidence: float) -> None:
    """Kept exactly when the confidence is at least the threshold."""
    policy = Policy("threshold", threshold)
    found = judge(policy, confidence=confidence, problem=None, has_answer=True)
    assert found.keep == (confidence >= threshold)
    assert found.reason_code == ("above_threshold" if found.keep else "below_threshold")


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_more_confidence_is_never_worse(threshold: float, one: float, two: float) -> None:
    """Who is kept stays kept with more confidence."""
    policy = Policy("threshold", threshold)
    low, high = (
        judge(policy, confidence=value, problem=None, has_answer=True).keep
        for value in sorted((one, two))
    )
    assert high or not low


def test_unknown_confidence_is_not_high() -> None:
    """With a threshold of 0 an unknown confidence still does not pass."""
    found = judge(Policy("threshold", 0.0), confidence=None, problem=None, has_answer=True)
    assert found == Judgement(keep=False, reason_code="confidence_unknown")


@pytest.mark.parametrize("confidence", [None, 0.0, 1.0])
def test_plain_modes_ignore_confidence(confidence: float | None) -> None:
    """`keep_all` keeps every sound answer, `escalate_all` none."""
    for mode, keep in (("keep_all", True), ("escalate_all", False)):
        found = judge(
            Policy(mode),  # type: ignore[arg-type]
            confidence=confidence,
            problem=None,
            has_answer=True,
        )
        assert found == Judgement(keep=keep, reason_code=mode)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reason_shows_both_numbers(language: str) -> None:
    """The words of a threshold's verdict name the confidence and the threshold."""
    found = judge(Policy("threshold", 0.8), confidence=0.12345, problem=None, has_answer=True)
    words = say(found.reason_code, language, **dict(found.params))  # type: ignore[arg-type]
    assert "0.8" in words
    assert "0.1235" in words or "0.1234" in words
    assert "{" not in words
