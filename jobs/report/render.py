"""A page laid out: as text for a terminal or a mail, as one HTML file that needs nothing else."""

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Final
from unicodedata import east_asian_width

from jinja2 import Environment, StrictUndefined

from jobs.report.page import Bar, Fact, Page

TEMPLATE: Final = "batch.html.j2"
BAR_CHARS: Final = 30
OBEYED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, line ends of every kind, and what turns the direction of writing."""


def render_html(page: Page) -> str:
    """Return the page as HTML: no script, no network, everything that is filled in escaped.

    Control characters, which HTML has no place for, are shown as in the text.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = (files(__package__) / "templates" / TEMPLATE).read_text(encoding="utf-8")
    html = environment.from_string(source).render(page=page)
    return "\n".join(OBEYED.sub(_show, line) for line in html.split("\n"))


def render_text(page: Page) -> str:
    """Return the page as plain lines; full-width characters count double.

    What a terminal would obey, in the name of a file, is shown instead.
    """
    return "\n".join(OBEYED.sub(_show, line) for line in _lines(page)) + "\n"


def _show(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")


def _lines(page: Page) -> Iterator[str]:
    yield page.title
    yield page.headline
    yield ""
    yield page.labels["page_needs"]
    for need in page.needs:
        yield f"  {need.name}: {need.rows:,} x {need.code}" if need.rows else f"  {need.name}"
        yield f"      {need.words}"
        if need.command:
            yield f"      $ {need.command}"
    yield from (f"  {note}" for note in page.notes)
    for label, facts in (
        ("page_happened", page.happened),
        ("page_cost", page.cost),
        ("page_time", page.time),
    ):
        yield ""
        yield page.labels[label]
        if label == "page_happened":
            yield from _draw(page.ends)
        yield from _align(facts)
    if page.confidence:
        yield ""
        yield page.labels["page_confidence"]
        yield from _draw(page.confidence)
    yield ""
    yield page.made


def _align(facts: Iterable[Fact]) -> Iterator[str]:
    shown = list(facts)
    width = max((width_of(fact.name) for fact in shown), default=0)
    for fact in shown:
        yield f"  {_pad(fact.name, width)}  {fact.value}"


def _draw(bars: Iterable[Bar]) -> Iterator[str]:
    shown = list(bars)
    width = max((width_of(bar.name) for bar in shown), default=0)
    digits = max((len(f"{bar.count:,}") for bar in shown), default=0)
    for bar in shown:
        filled = "#" * round(bar.percent * BAR_CHARS / 100)
        line = f"  {_pad(bar.name, width)}  {bar.count:>{digits},}  {bar.percent:5.1f}%  {filled}"
        yield line.rstrip()


def _pad(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(2 if east_asian_width(character) in "FW" else 1 for character in text)
