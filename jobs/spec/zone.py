"""Time zones by their IANA names: which day a moment is, where a spec reports."""

import difflib
from collections.abc import Mapping
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

DEFAULT_ZONE: Final = "UTC"
NOT_THE_SAME_EVERYWHERE: Final = frozenset({"localtime", "Factory"})
"""Files beside the zones that mean something else on each machine."""

MEANT: Final[Mapping[str, str]] = MappingProxyType({"JST": "Asia/Tokyo"})
"""Abbreviations that are no zones and look like others."""


def find_zone(name: str) -> tzinfo:
    """Return a zone that `is_zone` knows."""
    return UTC if name == DEFAULT_ZONE else ZoneInfo(name)


def is_zone(name: str) -> bool:
    """Say whether this is the IANA name of a zone, in its own upper and lower case."""
    return name == DEFAULT_ZONE or name in _known()


def suggest_zones(name: str) -> list[str]:
    """Return the nearest names, at most three: by the whole name or by the place alone."""
    if name.upper() in MEANT:
        return [MEANT[name.upper()]]
    by_fold: dict[str, str] = {}
    for zone in sorted(_known(), reverse=True):
        by_fold[zone.rpartition("/")[2].casefold()] = zone
    by_fold |= {zone.casefold(): zone for zone in _known()}
    folded = name.strip().replace(" ", "_").casefold()
    close = difflib.get_close_matches(folded, sorted(by_fold), n=6, cutoff=0.6)
    return list(dict.fromkeys(by_fold[one] for one in close))[:3]


def _known() -> frozenset[str]:
    return frozenset(available_timezones()) - NOT_THE_SAME_EVERYWHERE
