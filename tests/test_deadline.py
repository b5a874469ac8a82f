"""Deadlines read: times of day, durations and moments in the spec's time zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.deadline import Deadline, read_deadline, show_moment
from jobs.errors import SettingError

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # midnight in Tokyo
ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("06:00", "Asia/Tokyo", "2026-11-20T21:00"),
        ("6:00", "Asia/Tokyo", "2026-11-20T21:00"),
        ("00:00", "Asia/Tokyo", "2026-11-21T15:00"),  # now is not the next one
        ("00:00:01", "Asia/Tokyo", "2026-11-20T15:00:01"),
        ("14:59", "UTC", "2026-11-21T14:59"),
        ("4h", "Asia/Tokyo", "2026-11-20T19:00"),
        ("1h30m", "UTC", "2026-11-20T16:30"),
        ("2d", "UTC", "2026-11-22T15:00"),
        ("90s", "UTC", "2026-11-20T15:01:30"),
        ("2026-11-21T06:00", "Asia/Tokyo", "2026-11-20T21:00"),
        ("2026-11-21 06:00:30", "Asia/Tokyo", "2026-11-20T21:00:30"),
        ("2026-11-21T06:00Z", "Asia/Tokyo", "2026-11-21T06:00"),
        ("2026-11-21T06:00+01:00", "Asia/Tokyo", "2026-11-21T05:00"),
    ],
)
def test_every_form_is_a_moment(text: str, zone: str, expected: str) -> None:
    """Each form names one moment, wherever the machine stands."""
    assert read_deadline(text, zone, NOW).at == datetime.fromisoformat(f"{expected}+00:00")


def test_none_lifts_a_deadline() -> None:
    """A deadline that was given can be taken back."""
    assert read_deadline("none", "UTC", NOW) == Deadline(None)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "24:00", "6", "06:60", "4", "h", "-4h", "4 h", "2026-11-21", "2026-13-01T00:00",
     "0001-01-01T00:00+23:00", "9999-12-31T23:59Z", "99999d"],
)  # fmt: skip
def test_what_is_no_deadline_is_refused(text: str) -> None:
    """Words of another form are refused with the forms there are."""
    with pytest.raises(SettingError) as refused:
        read_deadline(text, "Asia/Tokyo", NOW)
    assert refused.value.code == "deadline_wrong"


@pytest.mark.parametrize("text", ["2026-11-20T14:59Z", "2026-11-21T00:00", "0s", "0h"])
def test_a_deadline_that_has_passed_is_refused(text: str) -> None:
    """A moment before now, or now, is no deadline."""
    with pytest.raises(SettingError) as refused:
        read_deadline(text, "Asia/Tokyo", NOW)
    assert refused.value.code == "deadline_past"


def test_hours_that_the_clocks_skip_or_repeat() -> None:
    """New York skips 02:30 in March; in November 01:30 comes twice, and the first is meant."""
    zone = "America/New_York"
    spring = read_deadline("02:30", zone, datetime(2026, 3, 8, 5, 0, tzinfo=UTC)).at
    assert spring == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)  # 03:30 in summer time
    autumn = read_deadline("01:30", zone, datetime(2026, 11, 1, 4, 0, tzinfo=UTC)).at
    assert autumn == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@given(
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - given UTC below
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    zone=st.sampled_from(ZONES),
)
def test_a_time_of_day_is_always_ahead(now: datetime, hour: int, minute: int, zone: str) -> None:
    """Whenever and wherever it is asked, the next such time is ahead and at most two days away."""
    at_once = now.replace(tzinfo=UTC)
    at = read_deadline(f"{hour:02}:{minute:02}", zone, at_once).at
    assert at is not None
    assert timedelta() < at - at_once <= timedelta(hours=49)


def test_a_moment_is_shown_with_its_zone() -> None:
    """People see the time of their own clock and which clock it is."""
    assert show_moment(NOW, "Asia/Tokyo") == "2026-11-21 00:00 Asia/Tokyo"
