"""Chooses from a catalogue. What is not known of a model never fits a wish."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from workers.catalogue.entry import GIGABYTE, Entry

SIZE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(?:([KMGT])(i?)B?|B)?", re.IGNORECASE)
POWERS: Final = {"K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model must be; None is no wish."""

    memory_bytes: int | None = None
    licence: str | None = None
    commercial: bool = False
    language: str | None = None
    task: str | None = None

    @property
    def has_wishes(self) -> bool:
        """Whether anything is asked for."""
        return self != Wanted()

    def fits(self, entry: Entry) -> bool:
        """Tell whether a model is known to be so.

        Memory that nobody measured is more than the file: a file of the whole size is too large.
        """
        return all(self._answers(entry))

    def may_fit(self, entry: Entry) -> bool:
        """Tell whether only what is not known keeps a model from fitting."""
        answers = list(self._answers(entry))
        return None in answers and False not in answers

    def _answers(self, entry: Entry) -> Iterator[bool | None]:
        """Yield for each wish whether it is met, None where that is not known."""
        if self.memory_bytes is not None:
            yield _fits_memory(entry, self.memory_bytes)
        if self.licence is not None:
            known = entry.licence
            yield None if known is None else _plain(known) == _plain(self.licence)
        if self.commercial:
            yield None if entry.commercial is None else entry.commercial == "free"
        if self.language is not None:
            yield self.language.lower() in entry.languages if entry.languages else None
        if self.task is not None:
            yield self.task in entry.tasks if entry.tasks else None


def _fits_memory(entry: Entry, most_bytes: int) -> bool | None:
    if entry.memory_gb is not None:
        return entry.memory_gb * GIGABYTE <= most_bytes
    return None if entry.file_gb is None else entry.file_gb * GIGABYTE < most_bytes


def _plain(licence: str) -> str:
    return re.sub(r"[\s_-]+", "-", licence.strip().lower())


def parse_size(text: str) -> int | None:
    """Read `8GB`, `7.5G`, `900MB` or `16GiB` as bytes; None for anything else.

    A number without a unit is gigabytes: nobody asks for a model of 8 bytes.
    """
    found = SIZE.fullmatch(text.strip())
    if found is None or (found[0][-1:] in "Bb" and not found[2]):
        return None
    power, base = POWERS[(found[2] or "G").upper()], 1024 if found[3] else 1000
    size = round(float(found[1]) * base**power)
    return size or None
