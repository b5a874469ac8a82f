"""Faults planted into professional translations are caught; the translations themselves pass.

Plantings are deterministic. They and the pairs are read from the labelled data beside the
project, where it is there.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from jobs.spec import Term
from jobs.tasks.faithful import find_problem
from jobs.tasks.languages import split_sentences
from jobs.tasks.terms import Glossary

DATA: Final = Path(__file__).parents[3] / "shared" / "data"
FILES: Final = ("tra_en_ja_de_ntrex_news_dev.jsonl", "tra_enja_ami_meetings_dev.jsonl")
MOST: Final = 60
"""Plantings of a kind, taken evenly from the rows that allow it."""
NO_TERMS: Final = Glossary((), "ja")
KATAKANA: Final = re.compile(r"[\u30a1-\u30fa\u30fc]+(?:・[\u30a1-\u30fa\u30fc]+)+")
NUMBER: Final = re.compile(r"(?<![0-9.,])[0-9]+(?![0-9])")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data"),
]


@dataclass(frozen=True)
class Pair:
    """A text and a professional translation of it."""

    id: str
    source: str
    text: str
    spoken: str
    target: str


@dataclass(frozen=True)
class Planted:
    """A pair, its translation with a fault, and the glossary that holds for it."""

    pair: Pair
    text: str
    glossary: Glossary = NO_TERMS

    @property
    def problem(self) -> str | None:
        return find_problem(self.text, self.pair.source, self.pair.target, self.glossary)


@cache
def pairs() -> tuple[Pair, ...]:
    """All pairs of both sets."""
    rows: list[dict[str, Any]] = []
    for name in FILES:
        lines = (DATA / name).read_text(encoding="utf-8").splitlines()
        rows += [json.loads(line) for line in lines]
    keys = ("id", "text", "target", "source_lang", "target_lang")
    return tuple(Pair(*(row[key] for key in keys)) for row in rows)


def change_a_number(pair: Pair) -> str | None:
    """Give the last number of a translation another last digit."""
    found = list(NUMBER.finditer(pair.text))
    if not found:
        return None
    number = found[-1]
    digit = str((int(number[0][-1]) + 3) % 10)
    changed = number[0][:-1] + digit
    if str(int(changed)) == str(int(number[0])) or int(changed) == 0:
        return None
    return pair.text[: number.start()] + changed + pair.text[number.end() :]


def drop_a_name(pair: Pair) -> str | None:
    """Take a name out of a translation wherever it stands.

    In Japanese a name in katakana with a middle dot, where the source has words with a capital side
    by side; in German and English words with a capital
    side by side that stand in the source too, none of which any text writes small.
    """
    if pair.target == "ja":
        found = KATAKANA.search(pair.text)
        if found is None or not re.search(r"[A-Z][a-z]+[ -][A-Z][a-z]+", pair.source):
            return None
        text = pair.text
        for piece in (found[0], *found[0].split("・")):
            text = text.replace(piece, "")
        return text
    if pair.text == pair.source:
        return None
    for name in re.findall(r"[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})+", pair.source):
        words = name.split()
        if name in pair.text and not small_words() & {word.lower() for word in words}:
            return re.sub(rf"\b(?:{'|'.join(words)})\w*\W?", "", pair.text)
    return None


@cache
def small_words() -> frozenset[str]:
    """The words that some English text writes without a capital."""
    return frozenset(
        word
        for pair in pairs()
        for text in (pair.source, pair.text)
        for word in re.findall(r"\b[a-z]+\b", text)
    )


def use_another_language(pair: Pair) -> str | None:
    """Answer in the language of another row: English for Japanese or German, German for English."""
    others = [
        other
        for other in pairs()
        if (other.target if pair.target == "en" else other.spoken)
        == ("de" if pair.target == "en" else "en")
    ]
    other = others[len(pair.source) * 7 % len(others)]
    text = other.text if pair.target == "en" else other.source
    return None if len(text) < 40 else text


def leave_half(pair: Pair) -> str | None:
    """Let the second half of the text stand untranslated behind the first half's translation."""
    if len(pair.source) < (40 if pair.spoken == "ja" else 80):
        return None
    cut = pair.source.find(" " if pair.spoken != "ja" else "、", len(pair.source) // 2)
    if cut < 0 or len(pair.source) - cut < 20:
        return None
    return pair.text[: len(pair.text) // 2] + " " + pair.source[cut + 1 :]


def double_a_sentence(pair: Pair) -> str | None:
    """Say the last sentence of a translation twice."""
    last = split_sentences(pair.text)[-1]
    if len(last) < (12 if pair.target == "ja" else 30):
        return None
    return pair.text + ("" if pair.target == "ja" else " ") + last


def plant(change: Callable[[Pair], str | None]) -> list[Planted]:
    """Return up to MOST pairs with a fault."""
    found = [Planted(pair, text) for pair in pairs() if (text := change(pair)) is not None]
    return take_evenly([one for one in found if one.text != one.pair.text])


def take_evenly(found: Sequence[Planted]) -> list[Planted]:
    """Return up to MOST of a list, from all of it."""
    return [found[at * len(found) // MOST] for at in range(MOST)] if len(found) > MOST else [*found]


def make_glossary(pair: Pair) -> tuple[str, Glossary] | None:
    """Return a glossary that a pair follows, and how it says the term."""
    words = re.findall(
        r"[ァ-ヴー]{3,}" if "ja" in (pair.spoken, pair.target) else r"[A-ZÄÖÜ][a-zäöüß]{5,}",
        pair.text,
    )
    terms = re.findall(r"\b[a-z]{6,}\b|[ァ-ヴー]{4,}", pair.source)
    if pair.target == "en":
        words = re.findall(r"\b[a-z]{6,}\b", pair.text)
    if not words or not terms:
        return None
    return words[-1], Glossary([Term(source=terms[0], target=words[-1])], pair.target)


def ignore_a_term(pair: Pair) -> Planted | None:
    """Say the term of a glossary in another way."""
    made = make_glossary(pair)
    if made is None:
        return None
    said, glossary = made
    other = {"ja": "別の言葉", "de": "anderes", "en": "another"}[pair.target]
    return Planted(
        pair, re.sub(rf"\w*{said}\w*" if pair.target != "ja" else said, other, pair.text), glossary
    )


@cache
def planted() -> dict[str, list[Planted]]:
    """All plantings by their kind."""
    kinds = {
        "number": change_a_number,
        "name": drop_a_name,
        "language": use_another_language,
        "half": leave_half,
        "sentence": double_a_sentence,
    }
    found = {kind: plant(change) for kind, change in kinds.items()}
    terms = [one for one in map(ignore_a_term, pairs()) if one is not None]
    return {**found, "term": take_evenly(terms)}


def share(found: Iterable[bool]) -> float:
    """Return the share of what is true."""
    seen = list(found)
    return sum(seen) / len(seen)


EXPECTED: Final = {
    "number": {"numbers_changed", "numbers_added", "dates_changed"},
    "name": {"names_lost"},
    "language": {"wrong_language"},
    "half": {"partly_untranslated", "wrong_language", "not_translated"},
    "sentence": {"repetition", "sentence_doubled"},
    "term": {"glossary_ignored"},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_planted_faults_are_caught(
    kind: str, record_property: Callable[[str, object], None]
) -> None:
    """At least 95% of the faults of each kind fail a check, nearly all of them the one meant."""
    faults = planted()[kind]
    caught = share(one.problem is not None for one in faults)
    named = share(one.problem in EXPECTED[kind] for one in faults)
    record_property(f"caught_{kind}", f"{caught:.3f} of {len(faults)}")
    assert len(faults) >= 20
    assert caught >= 0.95, [(one.pair.id, one.text) for one in faults if one.problem is None]
    assert named >= 0.75


def test_sound_translations_pass(record_property: Callable[[str, object], None]) -> None:
    """At most 5% of the professional translations fail a check, with a glossary they follow."""
    flagged = []
    for pair in pairs():
        made = make_glossary(pair)
        problem = Planted(pair, pair.text, made[1] if made else NO_TERMS).problem
        if problem:
            flagged.append((pair.id, problem))
    record_property("flagged", f"{len(flagged)} of {len(pairs())}")
    assert len(flagged) <= 0.05 * len(pairs()), flagged
