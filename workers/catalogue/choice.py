"""Chooses from a catalogue. What is not known of a model never fits a wish."""

import re
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
        return all(
            (
                self.memory_bytes is None or _fits_memory(entry, self.memory_bytes),
                self.licence is None or _plain(entry.licence) == _plain(self.licence),
                not self.commercial or entry.commercial == "free",
                self.language is None or self.language.lower() in entry.languages,
                self.task is None or self.task in entry.tasks,
            )
        )


def _fits_memory(entry: Entry, most_bytes: int) -> bool:
    if entry.memory_gb is not None:
        return entry.memory_gb * GIGABYTE <= most_bytes
    return entry.file_gb is not None and entry.file_gb * GIGABYTE < most_bytes


def _plain(licence: str | None) -> str | None:
    return None if licence is None else re.sub(r"[\s_-]+", "-", licence.strip().lower())


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
