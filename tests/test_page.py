"""The morning page: what it says, in which order, in both languages; sound and safe as HTML."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest

from jobs.job import BatchStatus
from jobs.report import compose_page, page_as_data, render_html, render_text
from jobs.report.page import show_seconds
from jobs.report.render import width_of
from jobs.store.batches import Batch
from jobs.store.budget import CloudMoney
from jobs.store.facts import Answering, BatchFacts, ConfidenceBin, Reason
from jobs.store.results import Spent, Tally
from jobs.words import LANGUAGES, Language

BEGUN = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
EVIL = '<script>alert("x")</script>&.csv'
VOID = {"meta", "link", "br", "hr", "img", "input"}


def make_facts(**values: Any) -> BatchFacts:
    """A closed night of 100 rows with every kind of end."""
    batch = Batch(
        batch_id="b0123456789",
        identity="i" * 64,
        generation=0,
        status=BatchStatus.CLOSED,
        spec_name="orders",
        spec_hash="a" * 64,
        spec={"timezone": "Asia/Tokyo", "route": {"cloud": "claude-haiku-5-5"}},
        language="en",
        file_name="night.csv",
        file_path="/in/night.csv",
        file_hash="f" * 64,
        file_error=None,
        file_error_reason=None,
        partial=False,
        records_read=100,
        created_at=BEGUN,
        closed_at=BEGUN + timedelta(hours=2, minutes=3, seconds=4),
        deadline_at=BEGUN + timedelta(hours=8),
    )
    tally = Tally(100, 3, 0, 0, 0, 90, 5, 2, 0, 1_234_567)
    facts = BatchFacts(
        batch=batch,
        read_at=BEGUN + timedelta(hours=9),
        opened_at=BEGUN + timedelta(seconds=2),
        file_bytes=12_345,
        tally=tally,
        sent=7,
        in_flight=0,
        reasons=(
            Reason("failed", "poison_row", "failed: it kills", 2, 17),
            Reason("review", "deadline", "too late", 3, 40),
            Reason("review", "budget_exceeded", "no money", 1, 50),
            Reason("review", "cloud_ambiguous", "lost twice", 1, 60),
            Reason("rejected", "empty_text", "night.csv, record 4: empty", 3, 4),
        ),
        answering=(Answering(0, "smollm2-135m", 85), Answering(1, "claude-haiku-5-5", 5)),
        confidence=tuple(ConfidenceBin(Decimal(n) / 10, n, 9 - n) for n in range(10)),
        unknown_confidence=2,
        spent=Spent(120, 54_321, 61_000.0),
        local_nano_usd=1_000_000,
        money=CloudMoney(10**9, 234_567, 1_000, 0),
    )
    return replace(facts, **values)


def make_good() -> BatchFacts:
    """A night of which every row is done."""
    tally = Tally(100, 0, 0, 0, 0, 100, 0, 0, 0, 0)
    money = CloudMoney(0, 0, 0, 0)
    return make_facts(tally=tally, reasons=(), money=money, unknown_confidence=0, confidence=())


def make_broken(name: str = "night.csv") -> BatchFacts:
    """A night whose file broke off."""
    batch = replace(
        make_facts().batch,
        status=BatchStatus.FAILED,
        file_name=name,
        file_error="unclosed_quote",
        file_error_reason="a quote was not closed",
    )
    tally = Tally(100, 3, 0, 0, 0, 0, 0, 0, 97, 0)
    money = CloudMoney(0, 0, 0, 0)
    return make_facts(batch=batch, tally=tally, money=money, reasons=make_facts().reasons[-1:])


class Checker(HTMLParser):
    """Reads HTML strictly: every element is closed in order; keeps tags, links and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It closes the one that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what a person reads, and the style."""
        self.text += data


def test_needs_stand_in_order_with_the_command_to_run() -> None:
    """Failed rows first, then reviews, rejects, the file, and money that may be lost."""
    needs = page_as_data(make_facts(), "en")["needs"]
    assert [(need["kind"], need["rows"], need["command"]) for need in needs] == [
        ("failed", 2, "sekisho row b0123456789 17"),
        ("review", 3, "sekisho resume b0123456789"),
        ("review", 1, "sekisho resume b0123456789 --budget USD"),
        ("review", 1, "sekisho results b0123456789 --out b0123456789.csv"),
        ("rejected", 3, "sekisho rejects b0123456789"),
        ("money", 0, ""),
    ]


def test_a_broken_file_says_what_to_run_again() -> None:
    """Its name is quoted as a shell needs it, and its good rows can be had with --partial."""
    broken = make_broken("night 1.csv")
    need = page_as_data(broken, "en")["needs"][-1]
    assert (need["kind"], need["code"]) == ("file", "unclosed_quote")
    assert need["command"] == "sekisho run 'night 1.csv' --spec SPEC --partial"
    assert compose_page(broken, "en").tone == "bad"


def test_a_good_night_needs_nothing() -> None:
    """All rows done is said in one sentence."""
    page = compose_page(make_good(), "en")
    assert (page.tone, page.needs) == ("good", ())
    assert page.headline == "All 100 rows are done."
    assert "Nothing." in page.notes


def test_a_night_that_goes_on_says_so() -> None:
    """Rows without an end are a need of their own."""
    batch = replace(make_facts().batch, status=BatchStatus.OPEN, closed_at=None)
    tally = Tally(100, 0, 10, 0, 0, 90, 0, 0, 0, 0)
    page = compose_page(make_facts(batch=batch, tally=tally, reasons=()), "en")
    assert page.tone == "busy"
    assert page.needs[0].command == "sekisho status b0123456789 --follow"
    assert any(bar.end == "left" and bar.count == 10 for bar in page.ends)


def test_times_are_those_of_the_specs_zone() -> None:
    """A night in Tokyo is told in Tokyo's time."""
    shown = {fact.name: fact.value for fact in compose_page(make_facts(), "en").time}
    assert shown["handed in"] == "2026-11-20 22:00 Asia/Tokyo"
    assert shown["took"] == "2:03:04"
    assert shown["deadline"] == "2026-11-21 06:00 Asia/Tokyo"


def test_money_is_exact_and_adds_up() -> None:
    """Local and cloud cost, what may be lost, and what is left of the budget."""
    data = page_as_data(make_facts(), "en")
    assert (data["local_cost_usd"], data["cloud_cost_usd"]) == ("0.001", "0.000234567")
    assert data["maybe_paid_usd"] == "0.000001"
    left = Decimal(data["budget_left_usd"])
    assert left + Decimal("0.000234567") + Decimal("0.000001") == Decimal(data["budget_usd"]) == 1
    assert "0.000234567 USD" in render_text(compose_page(make_facts(), "en"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("facts", [make_facts(), make_good(), make_broken()])
def test_html_is_sound_and_stands_alone(facts: BatchFacts, language: Language) -> None:
    """Every element is closed, nothing is loaded, nothing runs; both languages fill every word."""
    html = render_html(compose_page(facts, language))
    read = Checker(html)
    assert {"html", "head", "body", "h1", "h2", "table", "dl"} <= set(read.seen)
    assert not {"script", "link", "img", "iframe", "a"} & set(read.seen)
    names = {name for name, _ in read.attributes}
    assert not {"src", "href"} & names
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in html
    assert "http" not in html.replace("http-equiv", "")
    assert ("lang", language) in read.attributes
    assert not re.search(
        r"\{\w+\}|page_\w+", read.text.partition("</style>")[2] or read.text[-2000:]
    )
    assert facts.batch.batch_id in read.text


def test_what_is_filled_in_is_escaped() -> None:
    """A file's name is a name, whatever stands in it."""
    batch = replace(make_facts().batch, file_name=EVIL, spec_name="</title><b>")
    html = render_html(compose_page(make_facts(batch=batch), "en"))
    assert "<script" not in html
    assert "</title><b>" not in html
    assert EVIL in Checker(html).text


def test_what_a_terminal_would_obey_is_shown() -> None:
    """A file may be named so that it clears the screen, adds lines, or turns them around."""
    batch = replace(make_facts().batch, file_name="a\x1b[2J\x9b\nok\u202e.csv")
    page = compose_page(make_facts(batch=batch), "en")
    shown = render_text(page)
    assert r"a\x1b[2J\x9b\nok\u202e.csv" in shown
    assert all(character.isprintable() for line in shown.split("\n") for character in line)
    html = render_html(page)
    assert all(character.isprintable() for line in html.split("\n") for character in line)


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_is_aligned_and_holds_the_same(language: Language) -> None:
    """Names and commands of the page stand in the text, columns are even, no word is unfilled."""
    page = compose_page(make_facts(), language)
    text = render_text(page)
    for need in page.needs:
        assert need.words in text
        assert need.command in text
    for fact in (*page.happened, *page.cost, *page.time):
        assert fact.value in text
    assert not re.search(r"\{\w+\}|page_\w+", text)
    starts = {
        width_of(line[: line.index(fact.value)])
        for fact in page.time
        for line in text.splitlines()
        if line.endswith(fact.value) and line.startswith(f"  {fact.name} ")
    }
    assert len(starts) == 1


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0.0 s"), (59.4, "59.4 s"), (60, "0:01:00"), (90_061, "25:01:01")]
)
def test_times_are_short(seconds: float, shown: str) -> None:
    """Seconds below a minute, else hours, minutes and seconds."""
    assert show_seconds(seconds) == shown
