"""Settings of parts that are not built: refused by name, or accepted where they mean "without"."""

import json

import pytest

from jobs.errors import NotBuiltError
from jobs.spec.model import NOT_BUILT, NOT_BUILT_VALUES
from tests.test_spec import GOOD, complain, with_line


def as_toml(value: object) -> str:
    """A value as TOML writes it."""
    return json.dumps(value)


@pytest.mark.parametrize("key", NOT_BUILT)
def test_unbuilt_keys_are_refused_by_name(key: str) -> None:
    """A key of a part that is not built is refused with its line, never ignored."""
    section, _, name = key.rpartition(".")
    line = f'{name} = "anything"'
    text = with_line(section, line)
    found = complain(text, NotBuiltError)
    assert (found["code"], found["key"], found["value"]) == ("setting_not_built", key, "anything")
    assert text.splitlines()[found["line"] - 1] == line


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in NOT_BUILT_VALUES.items() for value in values]
)
def test_unbuilt_values_are_refused_by_name(key: str, value: str) -> None:
    """A value of a part that is not built is refused as such, not as a mistake."""
    section, _, name = key.rpartition(".")
    plain = GOOD.replace('kind = "classify"\n', "") if name == "kind" else GOOD
    found = complain(with_line(section, f'{name} = "{value}"', plain), NotBuiltError)
    assert (found["key"], found["value"]) == (key, value)
