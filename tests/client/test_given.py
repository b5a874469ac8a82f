"""What a caller gives: rows that are none, and a spec in each of its forms."""

from pathlib import Path

import pytest

from jobs.client.given import check_limit, check_rows, read_any_spec
from jobs.errors import NotBuiltError, SettingError, SpecError

TOML = """name = "small"
[task]
kind = "classify"
labels = ["a", "b"]
[input]
text = "text"
keep = ["store"]
"""
TABLES = {
    "name": "small",
    "task": {"kind": "classify", "labels": ("a", "b")},
    "input": {"text": "text", "keep": ["store"]},
}


class Frame:
    """Looks like a data frame: iterating it gives the names of its columns."""

    columns = ("id", "text")

    def __iter__(self) -> object:
        """Give names."""
        return iter(self.columns)


@pytest.mark.parametrize("rows", [{"id": 1, "text": "a"}, b"id,text", Frame(), 5, None])
def test_what_would_be_mistaken_for_rows_is_refused(rows: object) -> None:
    """One row, bytes and data frames: each would come in as rejects, one by one."""
    with pytest.raises(SettingError) as caught:
        check_rows(rows, "rows")
    assert (caught.value.code, caught.value.params["kind"]) == ("rows_wrong", type(rows).__name__)


@pytest.mark.parametrize("name", ["", " ", "a\0b", "a\nb", "\ud800"])
def test_names_that_no_list_can_show_are_refused(name: str) -> None:
    """They would break a line or a database."""
    with pytest.raises(SettingError, match="rows_name_wrong"):
        check_rows([], name)
    check_rows(iter([]), "注文 2026-11-20")


def test_a_limit_lets_something_in() -> None:
    """0 and less would be a batch of nothing."""
    for limit in (0, -1):
        with pytest.raises(SettingError, match="limit_wrong"):
            check_limit(limit)
    check_limit(1)
    check_limit(None)


def test_every_form_is_the_same_spec(tmp_path: Path) -> None:
    """A path, its text, its tables and the spec itself have one hash."""
    path = tmp_path / "spec.toml"
    path.write_text(TOML)
    spec = read_any_spec(path)
    assert read_any_spec(spec) is spec
    forms = (str(path), TOML, TABLES)
    assert {read_any_spec(form).hash() for form in forms} == {spec.hash()}


def test_every_form_is_checked_as_a_file_is() -> None:
    """Unknown keys, missing ones and parts that are not built are named; so is a missing file."""
    with pytest.raises(SpecError) as misspelt:
        read_any_spec({**TABLES, "inputs": {}})
    assert (misspelt.value.code, misspelt.value.params["suggestion"]) == (
        "spec_key_misspelt",
        "input",
    )
    with pytest.raises(SpecError, match="spec_key_missing"):
        read_any_spec('name = "x"\n')
    with pytest.raises(NotBuiltError):
        read_any_spec({**TABLES, "policy": {"data_class": "mask"}})
    with pytest.raises(SpecError, match="spec_threshold_unused"):
        read_any_spec({**TABLES, "gate": {"threshold": 0.5}})
    with pytest.raises(SpecError, match="spec_unreadable"):
        read_any_spec("nowhere.toml")
