"""The page of figures: sound and safe as HTML whatever names are in it, in both languages."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from jobs.evaluate import (
    Wish,
    compare,
    compose_comparison,
    compose_evaluation,
    evaluate,
    render_html,
    render_text,
)
from jobs.store.evaluations import Saved
from jobs.words import LANGUAGES, Language
from tests.evaluate.making import evaluate_labels, make_row, make_saved, make_spec

EVIL = '<script>alert("x")</script>&\x1b[31m\u202e</td>'
VOID = {"meta", "line", "circle", "path", "polyline"}


class Checker(HTMLParser):
    """Finds tags that do not match, scripts, and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def saved(number: int = 1) -> Saved:
    """An evaluation with something in every section, and hostile names wherever they may be."""
    groups = {"language": EVIL}
    rows = [
        make_row(1, "refund", {"label": "refund"}, confidence=0.9, groups=groups),
        make_row(2, EVIL, {"label": "delivery"}, confidence=0.4, groups=groups),
        make_row(3, "delivery", None, reason=EVIL, groups=groups),
        make_row(4, "", {"label": "refund"}, groups=groups),
    ]
    found = evaluate(make_spec(), rows, Wish(("language",), blocklist=("refund", EVIL)))
    return make_saved(found, number, file_name=EVIL, spec_name=EVIL, model_name=EVIL)


def check(html: str) -> None:
    """No script, no address, tags that match, drawings that are XML, nothing unescaped."""
    checker = Checker(html)
    assert not checker.open
    assert "script" not in checker.tags
    assert not checker.addresses
    assert EVIL not in html
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", html)
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert drawings
    for drawing in drawings:
        ET.fromstring(drawing)  # noqa: S314 - our own


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names(language: Language) -> None:
    """They are shown, not obeyed, in HTML and on a terminal; no words are missing."""
    page = compose_evaluation(saved(), language)
    html, text = render_html(page), render_text(page)
    check(html)
    assert "&lt;script&gt;" in html
    assert "\x1b" not in text
    assert "eval_" not in text + html
    assert "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_side_by_side(language: Language) -> None:
    """The same care; the winner stands in the headline; few rows are warned about."""
    one, other = saved(1), saved(2)
    found = compare(one.scores, other.scores)
    page = compose_comparison(one, other, found, language)
    check(render_html(page))
    assert "eval_" not in render_text(page)
    assert "3" in page.headline
    assert len(page.sections[0].notes) == 2


def test_every_section_is_there() -> None:
    """Quality, confidence, endings, cost, labels, confusions, groups, words, facts."""
    page = compose_evaluation(saved(), "en")
    assert [section.title for section in page.sections] == [
        "Quality", "Confidence of the answers", "Answers", "Speed and cost", "By label",
        "What was taken for what", "By group", "Harmful words", "What was measured",
    ]  # fmt: skip
    text = render_text(page)
    assert "gold value: gold_missing  " in text
    assert "records rejected" in text


def test_without_any_confidence_nothing_is_drawn_of_it() -> None:
    """And it is said."""
    rows = [make_row(1, "refund", {"label": "refund"}, confidence=None)]
    page = compose_evaluation(make_saved(evaluate(make_spec(), rows, Wish())), "en")
    section = page.sections[1]
    assert not section.plots
    assert "No answer has a confidence" in section.notes[0]


def test_a_perfect_evaluation_is_green() -> None:
    """Where rows are missing or failed a check a person should look."""
    assert (
        compose_evaluation(make_saved(evaluate_labels([("refund", "refund")])), "en").tone == "good"
    )
    assert (
        compose_evaluation(
            make_saved(evaluate_labels([("refund", None), ("refund", "refund")])), "en"
        ).tone
        == "hand"
    )
