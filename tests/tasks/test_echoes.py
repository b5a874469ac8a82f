"""What is said twice, and what is copied."""

import pytest
from hypothesis import given

from jobs.tasks.echoes import is_copy, says_twice
from tests.tasks.making import ANY_TEXT

TURNS = [
    f"Speaker {letter}: I think that the {noun} is what we should look at before the summer, uh ."
    for letter, noun in zip(
        "ABCDEFGH",
        ("price", "colour", "shelf", "door", "garden", "letter", "ship", "window"),
        strict=True,
    )
]
SOURCE = "\n".join(TURNS)
NEWS = "。".join(
    ["棚は火曜日に届き入口の横に置かれる予定で、担当は倉庫の人になった"] * 1
    + [f"{place}の担当者は{thing}について次の会議でくわしく説明すると約束した" for place, thing in
       zip("東西南北中", ("棚の色", "値段", "鍵の数", "掃除の順番", "休みの日"), strict=True)]
)  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        "The shelves come on Tuesday morning. The shelves come on Tuesday morning.",
        "The shelves come on Tuesday morning. Sales rose. THE shelves come on Tuesday, morning!",
        "新しい棚は火曜日の朝に届く。売上は増えた。新しい棚は火曜日の朝に届く",
    ],
)
def test_a_doubled_sentence_is_found(answer: str) -> None:
    """Also at the end, and with other case and marks."""
    assert says_twice(answer, "The shelf comes. Okay. Okay.")


def test_sentences_that_differ_are_not_doubled() -> None:
    """Other numbers are another fact; short sentences may recur; so may what the source repeats."""
    twice = "The room on floor 1 costs 50 euros a day. The room on floor 2 costs 60 euros a day."
    assert not says_twice(twice, "x")
    assert not says_twice("No fever. No fever.", "x")
    doubled = "The shelves come on Tuesday morning. The shelves come on Tuesday morning."
    assert not says_twice(doubled, doubled)


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        (SOURCE, SOURCE),
        ("\n".join(TURNS[:5]), SOURCE),
        ("They spoke.\n" + " ".join(TURNS[2:7]), SOURCE),
        (NEWS, NEWS),
    ],
)
def test_a_copy_is_found(answer: str, source: str) -> None:
    """The source itself, its beginning, a half of it behind other words; lines are no matter."""
    assert is_copy(answer, source)


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        (TURNS[0] + "\n" + TURNS[4], SOURCE),
        ("They want to look at the price, the colour and the garden.", SOURCE),
        ("The shelf comes. It is blue. It is new.", "The shelf comes. It is blue. It is new."),
        ("", ""),
    ],
)
def test_a_summary_may_quote(answer: str, source: str) -> None:
    """Single sentences of the source are no copy, nor is a short text its own summary."""
    assert not is_copy(answer, source)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_a_copy_or_not(one: str, other: str) -> None:
    """Nothing raises, and short texts are no copies."""
    says_twice(one, other)
    assert not is_copy(one, other)


def test_many_sentences_that_are_nearly_alike() -> None:
    """Each is looked for once, however many others it is like."""
    text = " ".join(
        f"The {chr(97 + n // 26)}{chr(97 + n % 26)} comes on a day in the week that is long enough."
        for n in range(200)
    )
    assert not says_twice(text, text)
