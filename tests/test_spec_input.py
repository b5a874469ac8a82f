"""[input] of a spec: settings that go with a format, and those that do not."""

import pytest

from jobs.source import InputShape
from jobs.spec import parse_spec, restore_spec
from jobs.submit import shape_of
from tests.test_spec import complain, with_line


@pytest.mark.parametrize(
    "lines",
    [
        'format = "json"\nrecords = "data.items"\nencoding = "cp932"',
        'format = "jsonl"\nheader = true',
        'format = "xlsx"\nsheet = "Sheet 2"',
        'format = "parquet"',
        'format = "csv"\nheader = false\ncolumns = ["id", "body"]\ndelimiter = ";"',
        'records = "data.items"',
    ],
)
def test_settings_that_go_together(lines: str) -> None:
    """They are taken, and the same after the spec was stored."""
    spec = parse_spec(with_line("input", lines), "my.toml")
    assert restore_spec(spec.canonical()) == spec
    assert restore_spec(spec.canonical()).hash() == spec.hash()


@pytest.mark.parametrize(
    ("format_name", "line", "option"),
    [
        ("csv", 'records = "a"', "records"),
        ("jsonl", 'records = "a"', "records"),
        ("json", 'delimiter = ","', "delimiter"),
        ("json", "header = false", "header"),
        ("parquet", 'columns = ["a"]', "columns"),
        ("parquet", 'encoding = "utf-8"', "encoding"),
        ("xlsx", 'encoding = "utf-8"', "encoding"),
        ("csv", 'sheet = "a"', "sheet"),
    ],
)
def test_a_setting_the_format_does_not_use(format_name: str, line: str, option: str) -> None:
    """It is refused by name, never ignored."""
    found = complain(with_line("input", f'format = "{format_name}"\n{line}'))
    assert (found["code"], found["key"]) == ("spec_value_wrong", "input")
    assert found["problem"].startswith(f"{option} is not used")


def test_the_reader_gets_every_setting() -> None:
    """What the spec says of the file is what the reader is told."""
    lines = 'format = "json"\nrecords = "data.items"\nid = "a.b"'
    assert shape_of(parse_spec(with_line("input", lines), "my.toml")) == InputShape(
        id="a.b", text="body", format="json", records="data.items"
    )
    assert shape_of(parse_spec(with_line("input", 'sheet = "x"'), "my.toml")).sheet == "x"
