"""Deadlines: when rows without an end stop being worked on. Pure: words and a clock in, a moment.

`06:00` is the next such time of day in a time zone, `4h` or `1h30m` so long from now,
`2026-11-21T06:00` a moment in that zone unless it names its own offset. `none` lifts a deadline.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from jobs.errors import SettingError
from jobs.spec.zone import find_zone

LIFTED: Final = "none"
TIME_OF_DAY: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
DURATION: Final = re.compile(
    r"(?:(?P<days>[0-9]{1,4})d)?(?:(?P<hours>[0-9]{1,5})h)?"
    r"(?:(?P<minutes>[0-9]{1,6})m)?(?:(?P<seconds>[0-9]{1,8})s)?"
)
DATE_AND_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*")


@dataclass(frozen=True, slots=True)
class Deadline:
    """What a batch's deadline is to be: a moment in UTC, or None to lift it."""

    at: datetime | None


def read_deadline(text: str, zone: str, now: datetime) -> Deadline:
    """Return the deadline that `--deadline` names; `zone` is the spec's `timezone`.

    A time of day that the clocks skip is taken as if they had not been put forward yet; of one
    that comes twice the first is meant. Raises SettingError for words that are no deadline, and
    for a moment that has passed.
    """
    wanted = text.strip()
    if wanted == LIFTED:
        return Deadline(None)
    at = _from_time_of_day(wanted, zone, now) or _from_duration(wanted, now)
    at = at or _from_moment(wanted, zone)
    if at is None:
        raise SettingError("deadline_wrong", value=text)
    if at <= now:
        raise SettingError("deadline_past", value=text, at=show_moment(at, zone))
    return Deadline(at)


def show_moment(at: datetime, zone: str) -> str:
    """Return a moment as people of a zone write it."""
    return f"{at.astimezone(find_zone(zone)):%Y-%m-%d %H:%M} {zone}"


def _from_time_of_day(text: str, zone: str, now: datetime) -> datetime | None:
    match = TIME_OF_DAY.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups())
    clock = time(hour, minute, second)
    today = now.astimezone(find_zone(zone)).date()
    days = (today + timedelta(days=ahead) for ahead in range(3))
    moments = (_at(datetime.combine(day, clock), zone) for day in days)
    return next(moment for moment in moments if moment > now)


def _from_duration(text: str, now: datetime) -> datetime | None:
    match = DURATION.fullmatch(text)
    if not text or match is None:
        return None
    parts = {name: int(value) for name, value in match.groupdict().items() if value}
    return now + timedelta(**parts)


def _from_moment(text: str, zone: str) -> datetime | None:
    if not DATE_AND_TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        at = _at(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)
        at.astimezone(find_zone(zone))  # else nobody could show it
    except (ValueError, OverflowError):
        return None
    return at


def _at(local: datetime, zone: str) -> datetime:
    return local.replace(tzinfo=find_zone(zone)).astimezone(UTC)
