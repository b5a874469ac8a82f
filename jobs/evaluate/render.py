"""A page of figures laid out: as text for a terminal, as one HTML file that needs nothing else."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined

from jobs.evaluate.layout import FigurePage, Section, Table
from jobs.report.render import OBEYED, width_of

TEMPLATE: Final = "evaluation.html.j2"


def render_html(page: FigurePage) -> str:
    """Return the page as HTML: no script, no network, everything that is filled in escaped.

    Control characters, which HTML has no place for, are shown as in the text.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = (files(__package__) / "templates" / TEMPLATE).read_text(encoding="utf-8")
    html = environment.from_string(source).render(page=page)
    return "\n".join(OBEYED.sub(_show, line) for line in html.split("\n"))


def render_text(page: FigurePage) -> str:
    """Return the page as plain lines; full-width characters count double."""
    return "\n".join(OBEYED.sub(_show, line) for line in _lines(page)) + "\n"


def _show(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")


def _lines(page: FigurePage) -> Iterator[str]:
    yield page.title
    yield page.headline
    for section in page.sections:
        yield ""
        yield section.title
        yield from _section(section)
    yield ""
    yield page.made


def _section(section: Section) -> Iterator[str]:
    for table in section.tables:
        yield from _table(table)
    yield from (f"  {note}" for note in section.notes)


def _table(table: Table) -> Iterator[str]:
    """Draw aligned cells; the names of a table of two columns say nothing new on a terminal."""
    lines = table.lines if len(table.header) == 2 else (table.header, *table.lines)
    if not lines:
        return
    cells = [[show_name(cell) for cell in line] for line in lines]
    widths = [max(width_of(line[place]) for line in cells) for place in range(len(table.header))]
    for line in cells:
        padded = (
            cell + " " * (width - width_of(cell)) for cell, width in zip(line, widths, strict=True)
        )
        yield f"  {'  '.join(padded)}".rstrip()


def show_name(cell: str) -> str:
    """Return a name from a file as one line that no terminal obeys."""
    return OBEYED.sub(_show, cell)
