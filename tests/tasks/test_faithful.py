"""Each fault of a translation has its own code; sound ones pass. All examples are our own."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import Term
from jobs.tasks.faithful import find_problem
from jobs.tasks.terms import Glossary
from jobs.words import LANGUAGES, catalogue

GLOSSARY: Final = {
    "ja": Glossary([Term(source="depot", target="配送センター")], "ja"),
    "de": Glossary([Term(source="depot", target="Lager")], "de"),
    "en": Glossary([Term(source="配送センター", target="depot")], "en"),
}
ENGLISH: Final = (
    "On March 5, 2026, Tom Baker received 12 boxes at the depot. "
    "He asked {name} to write to help@shop.example about <b>two</b> of them."
)
SOUND: Final = {
    ("en", "ja"): (
        ENGLISH,
        (
            "2026年3月5日、トム・ベイカーは配送センターで12箱を受け取った。"
            "そのうち<b>2箱</b>について、{name}にhelp@shop.exampleへ連絡するよう頼んだ。"
        ),
    ),
    ("en", "de"): (
        ENGLISH,
        (
            "Am 5. März 2026 nahm Tom Baker im Lager 12 Kisten entgegen. "
            "Er bat {name}, wegen <b>zwei</b> von ihnen an help@shop.example zu schreiben."
        ),
    ),
    ("ja", "en"): (
        (
            "2026年3月5日、トム・ベイカー氏は配送センターで12箱を受け取った。"
            "そのうち<b>2箱</b>について、{name}にhelp@shop.exampleへ連絡するよう頼んだ。"
        ),
        ENGLISH,
    ),
}
FRENCH: Final = (
    "Le 5 mars 2026, Tom Baker a reçu 12 caisses au dépôt. "
    "Il a demandé à {name} d'écrire à help@shop.example au sujet de <b>deux</b> d'entre elles."
)
CHINESE: Final = "2026年3月5日，他在配送中心收到了12个箱子，并请{name}写信到help@shop.example。"


def find(pair: tuple[str, str], text: str) -> str | None:
    return find_problem(text, SOUND[pair][0], pair[1], GLOSSARY[pair[1]])


@pytest.mark.parametrize("pair", SOUND)
def test_a_sound_translation_passes(pair: tuple[str, str]) -> None:
    """Dates, names, terms, numbers, placeholders, markup and addresses in their other spelling."""
    assert find(pair, SOUND[pair][1]) is None


@pytest.mark.parametrize(
    ("pair", "said", "instead", "problem"),
    [
        (("en", "ja"), "12箱", "18箱", "numbers_changed"),
        (("en", "ja"), "受け取った", "8時に受け取った", "numbers_added"),
        (("en", "ja"), "3月5日", "5月3日", "dates_changed"),
        (("en", "ja"), "トム・ベイカー", "彼", "names_lost"),
        (("en", "ja"), "配送センター", "デポ", "glossary_ignored"),
        (("en", "ja"), "{name}", "名前", "placeholders_changed"),
        (("en", "ja"), "<b>2箱</b>", "2箱", "markup_changed"),
        (("en", "ja"), "help@", "helf@", "addresses_changed"),
        (("en", "de"), "12 Kisten", "21 Kisten", "numbers_changed"),
        (("en", "de"), "Tom Baker", "man", "names_lost"),
        (("en", "de"), "Lager", "Depot", "glossary_ignored"),
        (("en", "de"), "5. März", "5. Mai", "dates_changed"),
        (("ja", "en"), "12 boxes", "15 boxes", "numbers_changed"),
        (("ja", "en"), "Tom Baker", "he", "names_lost"),
        (("ja", "en"), "depot", "warehouse", "glossary_ignored"),
    ],
)
def test_a_changed_word_has_its_code(
    pair: tuple[str, str], said: str, instead: str, problem: str
) -> None:
    """One word is changed, and the check that is for it says so."""
    assert said in SOUND[pair][1]
    assert find(pair, SOUND[pair][1].replace(said, instead)) == problem


@pytest.mark.parametrize("pair", SOUND)
def test_a_changed_whole_has_its_code(pair: tuple[str, str]) -> None:
    """Copied, in another language, half of it left, doubled, cut: for every pair of languages."""
    source, text = SOUND[pair]
    stop = "。" if pair[1] == "ja" else ". "
    first, second = (part.strip(". 。") for part in text.split(stop)[:2])
    kept = source.split("。" if pair[0] == "ja" else ". ")[1]
    assert find(pair, "") == "answer_empty"
    assert find(pair, source) == "not_translated"
    assert find(pair, FRENCH) == find(pair, CHINESE) == "wrong_language"
    assert find(pair, f"{first}{stop}{kept}") in ("partly_untranslated", "wrong_language")
    assert find(pair, f"{text} {second}.") in ("sentence_doubled", "repetition")
    assert find(pair, f"{text} {second[:-3]}.") == "sentence_doubled"
    assert find(pair, text[:12]) is not None


@pytest.mark.parametrize(
    ("code", "source", "text"),
    [
        (
            "ja",
            "Contact support@mail.shop.example or https://www.shop.example/help/us?from=mail now.",
            "連絡先: support@mail.shop.example、https://www.shop.example/help/us?from=mail",
        ),
        (
            "zh",
            "Get it from https://cdn.shop.example/files/new/catalogue/spring.pdf today.",
            "请今天从https://cdn.shop.example/files/new/catalogue/spring.pdf下载。",
        ),
    ],
)
def test_an_address_is_in_no_language(code: str, source: str, text: str) -> None:
    """A short sentence is not foreign for the long address in it."""
    assert find_problem(text, source, code, Glossary((), code)) is None


def test_a_dropped_sentence_is_seen_by_count_and_length() -> None:
    """Merged sentences are sound; one that is missing leaves the rest too short."""
    source = (
        "The lift is out of order again today. Please use the stairs behind the main entrance hall."
    )
    none = Glossary((), "ja")
    merged = "今日もエレベーターが故障しているので、正面玄関ホールの裏にある階段をご利用ください。"
    assert find_problem(merged, source, "ja", none) is None
    assert (
        find_problem("今日もまたエレベーターが故障しています。", source, "ja", none)
        == "sentences_dropped"
    )
    assert find_problem("故障中です。", source, "ja", none) == "length_off"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: str) -> None:
    """A verdict's reason names the check in both languages."""
    codes = {
        "partly_untranslated", "sentence_doubled", "placeholders_changed", "addresses_changed",
        "markup_changed", "sentences_dropped", "numbers_added", "dates_changed",
        "glossary_ignored", "names_lost",
    }  # fmt: skip
    assert codes <= set(catalogue("ja" if language == "ja" else "en"))


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.sampled_from(["ja", "en", "zh-Hant", "ru", "tlh"]),
)
def test_any_text_is_checked(text: str, source: str, code: str) -> None:
    """Whatever an answer is, it has a problem or none; an empty one always has."""
    problem = find_problem(text, source, code, Glossary((), code))
    assert problem is None or problem in catalogue("en")
    assert text or problem == "answer_empty"
