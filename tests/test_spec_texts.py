"""`input.text`: one column or a list of them."""

import pytest

from jobs.errors import SpecError
from jobs.spec import Spec, parse_spec, restore_spec

SPEC = """name = "s"
[task]
kind = "summarize"
[input]
text = """


def read(value: str) -> Spec:
    """A spec with this text."""
    return parse_spec(f"{SPEC}{value}\n", "s.toml")


def test_a_list_of_columns() -> None:
    """The order stands, survives the database, and makes another spec; one name is no list."""
    spec = read('["title", "body"]')
    assert spec.input.text == ("title", "body")
    assert restore_spec(spec.canonical()) == spec
    hashes = {read(value).hash() for value in ('["title", "body"]', '["body", "title"]', '"body"')}
    assert len(hashes) == 3
    assert read('"body"').input.text == "body"
    assert restore_spec(read('"body"').canonical()).input.text == "body"


@pytest.mark.parametrize("value", ["[]", '""', "5", "true", '["a", 5]', '["a", ""]', '["a", "a"]'])
def test_what_is_no_column(value: str) -> None:
    """Nothing, no name, and the same name twice are refused with their line and key."""
    with pytest.raises(SpecError) as caught:
        read(value)
    assert caught.value.code == "spec_value_wrong"
    assert (caught.value.params["key"], caught.value.params["line"]) == ("input.text", 5)
