"""Choosing from a catalogue: what is not known of a model fits no wish."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.catalogue import Entry, Wanted, parse_size

GB = 1_000_000_000


def make(**facts: Any) -> Entry:
    """An entry of which only this is known."""
    return Entry.model_validate({"title": "Some", "family": "Some", **facts})


@pytest.mark.parametrize(
    ("wanted", "fitting", "other"),
    [
        (Wanted(memory_bytes=8 * GB), {"memory_gb": 8}, {"memory_gb": 8.1}),
        (Wanted(memory_bytes=8 * GB), {"file_gb": 7.9}, {"file_gb": 8}),
        (Wanted(licence="Apache 2.0"), {"licence": "apache-2.0"}, {"licence": "mit"}),
        (Wanted(commercial=True), {"commercial": "free"}, {"commercial": "conditions"}),
        (Wanted(language="JA"), {"languages": ["en", "ja"]}, {"languages": ["en"]}),
        (Wanted(task="extract"), {"tasks": ["extract"]}, {"tasks": ["translate"]}),
    ],
)
def test_a_wish_is_met_or_not(
    wanted: Wanted, fitting: dict[str, Any], other: dict[str, Any]
) -> None:
    """By what is known; nothing known is not met."""
    assert wanted.fits(make(**fitting))
    assert not wanted.fits(make(**other))
    assert not wanted.fits(make())
    assert [wanted.may_fit(make(**facts)) for facts in (fitting, other, {})] == [False, False, True]


def test_one_wish_that_is_not_met_is_enough() -> None:
    """What is not known does not matter then."""
    wanted = Wanted(language="ja", task="extract")
    assert wanted.may_fit(make(languages=["ja"]))
    assert not wanted.may_fit(make(languages=["en"]))


def test_without_a_wish_everything_fits() -> None:
    """Also a model of which nothing is known."""
    assert Wanted().fits(make())
    assert not Wanted().has_wishes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GB", 8 * GB),
        ("8", 8 * GB),
        ("7.5g", 7_500_000_000),
        ("900 MB", 900_000_000),
        ("16GiB", 16 * 1024**3),
        ("1TB", 1000 * GB),
        ("8B", None),
        ("0GB", None),
        ("-1GB", None),
        ("8 bytes", None),
        ("", None),
        ("GB", None),
        ("1e9", None),
    ],
)
def test_sizes_are_read(text: str, size: int | None) -> None:
    """As people write them; anything else is nothing."""
    assert parse_size(text) == size


@given(st.text(max_size=12))
def test_no_text_breaks_the_reading_of_sizes(text: str) -> None:
    """It is a positive number of bytes or nothing."""
    size = parse_size(text)
    assert size is None or size > 0
