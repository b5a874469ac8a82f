"""Long texts are cut where it hurts least, and the parts joined are the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.tasks.parts import MIN_CHARS, cut, halve

PIECES = st.sampled_from(
    [
        "a",
        "word ",
        "文",
        "。",
        "か\u3099",
        "\n",
        "\n\n",
        ". ",
        "1,234",
        "\ud83d",
        "\udc00",
        "👩‍👩‍👧",
        "🇯🇵",
        "\r\n",
        "\0",
    ]
)
TEXTS = st.lists(PIECES, max_size=200).map("".join)


@given(TEXTS, st.integers(0, 400))
def test_the_parts_joined_are_the_text(text: str, most: int) -> None:
    """Nothing is lost, doubled or moved, and no part is empty."""
    parts = cut(text, most)
    assert "".join(parts) == text
    assert all(parts) or parts == [""]


@given(TEXTS)
def test_a_cut_leaves_enough_on_both_sides(text: str) -> None:
    """Each side has about a quarter at least, so that the depth is bounded."""
    halves = halve(text)
    if halves is None:
        return
    assert len(text) >= MIN_CHARS
    assert min(map(len, halves)) >= len(text) // 4


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The first paragraph. It is long.\n\n", "The second one.\nIt has two lines."),
        ("A line of the text with words, words\n", "And another line. With sentences."),
        ("The first sentence is here to stay. ", "The second one costs 1.5 dollars."),
        (
            "棚は火曜日に届きます。二月の売上は増えました。",
            "次の会議は三月十日の九時からです。以上です",
        ),
        (
            "「もう一度お願いします。」と彼は言いました。",
            "それから、本当に帰ったのでしょうか？たぶん",
        ),
        ("nothing but words that go on and on ", "without any end of a sentence here"),
        ("句点のない文がずっと続いているのですが、", "読点ならばここに一つだけあるのです"),
        ("e\u0301" * 20, "e\u0301" * 20),
        ("か\u3099" * 21, "か\u3099" * 20),
        ("👍🏽" * 20, "👍🏽" * 20),
    ],
)
def test_the_best_place_near_the_middle(left: str, right: str) -> None:
    """Paragraphs before lines, lines before sentences, sentences before words; never a mark off."""
    assert halve(left + right) == (left, right)


def test_numbers_and_words_stay_whole_where_something_else_can_be_cut() -> None:
    """A digit is not parted from its number though the middle lies in it."""
    halves = halve("番号は" * 8 + "１２３４５６７８９" + "番号は" * 5)
    assert halves is not None
    assert not (halves[0][-1].isdigit() and halves[1][0].isdigit())
    assert halve("x" * 100) == ("x" * 50, "x" * 50)


def test_short_texts_are_not_cut() -> None:
    """Below the smallest size a text stays whole."""
    assert halve("x" * (MIN_CHARS - 1)) is None
    assert cut("x" * (MIN_CHARS - 1), 0) == ["x" * (MIN_CHARS - 1)]
    assert cut("short", 100) == ["short"]
