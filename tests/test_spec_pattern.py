"""Patterns: met by whole values, in linear time, and refused with words where they cannot be."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec.pattern import MAX_PATTERN_CHARS, Pattern, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("INV-[0-9]{4}", "INV-2041", "my INV-2041"),
        (r"^INV-\d{4}$", "INV-2041", "INV-20411"),
        (r"[A-Z]+\$", "US$", "US"),
        (r"[A-Z]+\\$", "US\\", "US$"),
        ("赤|青", "赤", "赤青"),
        ("^a|b$", "b", "ab"),
        ("東京都.+", "東京都港区", "大阪府"),
        (r"\p{Katakana}+", "カタ", "かた"),
        ('say "(yes|no)"', 'say "no"', "say no"),
        (".+", "🎌", "a\nb"),
    ],
)
def test_a_whole_value_meets_its_pattern(pattern: str, good: str, bad: str) -> None:
    """Anchors at the ends change nothing: all of the value has to meet the pattern anyway."""
    made = compile_pattern(pattern)
    assert made.fits(good)
    assert not made.fits(bad)
    assert not made.fits("")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "1 to 500 characters"),
        ("a" * (MAX_PATTERN_CHARS + 1), "1 to 500 characters"),
        ("(", "unclosed group"),
        ("[a", "unclosed character class"),
        ("*", "missing expression"),
        ("a{2,1}", "invalid repetition"),
        ("a{99999}", "at most 1,000 times"),
        ("(?=a)b", "look around"),
        (r"(a)\1", "its own groups"),
        (r"\bword\b", "word boundaries"),
        ("a^b", "at its ends only"),
        (r"[^\s\S]", "no text meets"),
        (r"a[^\w\W]b", "no text meets"),
        ("x{0}", "no text meets"),
        (r"\x00", "no text meets"),
    ],
)
def test_what_cannot_be_met_is_refused(pattern: str, words: str) -> None:
    """The reason stands in one line of words."""
    with pytest.raises(ValueError, match=words) as caught:
        compile_pattern(pattern)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(x+x+)+y", "(a|a)*c", "(a{1,50}){1,50}b", "(.*)*d"])
def test_no_pattern_goes_astray(pattern: str) -> None:
    """What hangs engines that go back takes one step for each character here."""
    assert not compile_pattern(pattern).fits("a" * 20_000)


@given(pattern=st.text(max_size=12) | st.from_regex(r"[a-c.*+?|()\[\]{}0-9^$\\]{1,8}"))
def test_any_pattern_is_compiled_or_refused(pattern: str) -> None:
    """Nothing but ValueError is raised, and a pattern that was taken can be asked."""
    made = None
    with contextlib.suppress(ValueError):
        made = Pattern(pattern)
    assert made is None or made.fits("a") in (True, False)


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_value_is_matched(value: str) -> None:
    """Control characters, line ends and marks are characters like others."""
    assert compile_pattern(r"(?s:.*)").fits(value)
    assert not compile_pattern("never this").fits(value)
