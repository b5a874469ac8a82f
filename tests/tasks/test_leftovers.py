"""What a translation leaves in the language of its source, and what it says twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.tasks.leftovers import doubles, is_part_untranslated

ENGLISH = "The delivery arrived two days late. Please send us a new box before the end of the week."
GERMAN = "Die Lieferung kam zu spät. Bitte senden Sie uns bis Ende der Woche einen neuen Karton."
JAPANESE = "配送は2日遅れて届きました。今週末までに新しい箱を送ってください。"


@pytest.mark.parametrize(
    ("code", "source", "text", "left"),
    [
        ("ja", ENGLISH, JAPANESE, False),
        ("de", ENGLISH, GERMAN, False),
        (
            "ja",
            ENGLISH,
            "配送は2日遅れて届きました。Please send us a new box before the end of the week.",
            True,
        ),
        (
            "de",
            ENGLISH,
            "Die Lieferung kam zu spät. Please send us a new box before the end of the week.",
            True,
        ),
        (
            "de",
            ENGLISH,
            "Die Lieferung kam zu spät. You should ship another parcel to our office soon.",
            True,
        ),
        ("en", JAPANESE, "The delivery was late. 今週末までに新しい箱を送ってください。", True),
        (
            "ko",
            ENGLISH,
            "배송이 이틀 늦었습니다. Please send us a new box before the week ends.",
            True,
        ),
        (
            "ja",
            "Ask the Bank of New York Mellon Corporation.",
            "Bank of New York Mellon Corporationに聞いて。",
            False,
        ),
        ("en", "「上を向いて歩こう」は名曲です。", 'The song "上を向いて" is a classic.', False),
        (
            "de",
            "Use Google Cloud Platform with React Native.",
            "Nutzen Sie Google Cloud Platform mit React Native.",
            False,
        ),
        (
            "ja",
            "See https://www.shop.example/en/docs/page for help with this.",
            "詳しくはhttps://www.shop.example/en/docs/pageをご覧ください。",
            False,
        ),
        (
            "de",
            'Run `git commit all of it now` and <a href="https://x.example/">look</a>.',
            'Führe `git commit all of it now` aus und <a href="https://x.example/">schau</a>.',
            False,
        ),
    ],
)
def test_untranslated_stretches(code: str, source: str, text: str, left: bool) -> None:
    """Copied words, a clause in the source's language, foreign letters: but not names."""
    assert is_part_untranslated(text, source, code) is left


@pytest.mark.parametrize(
    ("source", "text", "doubled"),
    [
        (ENGLISH, GERMAN, False),
        (ENGLISH, JAPANESE, False),
        (ENGLISH, GERMAN + " " + GERMAN.split(". ")[1], True),
        (ENGLISH, JAPANESE + JAPANESE.split("。")[1] + "。", True),
        (ENGLISH, "配送は2日遅れて届きました。配送は二日遅れて届きました。", True),
        (
            ENGLISH,
            "今週末までに新しい箱を送ってください、今週末までに新しい箱を送ってください",
            True,
        ),
        ("No, no, no. " * 9, "いいえ、いいえ、いいえ。" * 9, False),
    ],
)
def test_doubled_sentences(source: str, text: str, doubled: bool) -> None:
    """A sentence or a stretch that is said twice, or nearly so, where the source does not."""
    assert doubles(text, source) is doubled


@given(st.text(max_size=200))
def test_a_text_doubles_no_more_than_itself(text: str) -> None:
    """What the source says twice may be said twice."""
    assert not doubles(text, text)
