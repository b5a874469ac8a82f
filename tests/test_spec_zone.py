"""`timezone`: an IANA name, the nearest ones where it is none, no part of a plain spec's hash."""

import pytest

from jobs.spec import parse_spec, restore_spec
from tests.test_spec import GOOD, complain, with_line


def test_a_zone_is_kept_and_utc_changes_nothing() -> None:
    """A spec without a zone keeps its identity, one with a zone is another spec."""
    plain = parse_spec(GOOD, "my.toml")
    said = parse_spec(with_line("", 'timezone = "UTC"'), "my.toml")
    tokyo = parse_spec(with_line("", 'timezone = "Asia/Tokyo"'), "my.toml")
    assert (plain.timezone, tokyo.timezone) == ("UTC", "Asia/Tokyo")
    assert plain.hash() == said.hash() != tokyo.hash()
    assert restore_spec(tokyo.canonical()) == tokyo


def test_a_spec_stored_before_there_were_zones_is_restored() -> None:
    """What stands in a database without the key means UTC."""
    stored = {
        key: value
        for key, value in parse_spec(GOOD, "my.toml").canonical().items()
        if key != "timezone"
    }
    assert restore_spec(stored).timezone == "UTC"


@pytest.mark.parametrize(
    ("zone", "meant"),
    [
        ("Asia/Tokio", "Asia/Tokyo"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("Tokyo", "Asia/Tokyo"),
        ("JST", "Asia/Tokyo"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
        ("localtime", None),
        ("+09:00", None),
        ("../../etc/passwd", None),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_names(zone: str, meant: str | None) -> None:
    """The complaint names the line, and what was probably meant."""
    found = complain(with_line("", f'timezone = "{zone}"'))
    assert (found["line"], found["zone"]) == (1, zone)
    if meant is not None:
        assert found["code"] == "spec_timezone_unknown"
        assert meant in found["suggestions"].split(", ")
    else:
        assert found["code"].startswith("spec_timezone_")


@pytest.mark.parametrize("value", ["9", "true", '""', '["Asia/Tokyo"]'])
def test_what_is_no_name_is_refused(value: str) -> None:
    """A number, a list or nothing is a wrong value of this key."""
    found = complain(with_line("", f"timezone = {value}"))
    assert (found["code"], found["key"]) == ("spec_value_wrong", "timezone")
