"""Text on one line: nothing in it can break the line or move the cursor."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.cli.visible import show_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\x1b[2J\x00\x85", "\\x1b[2J\\x00\\x85"),
        ("a\u2028b\u202ec", "a\\u2028b\\u202ec"),
        ("C:\\new", "C:\\\\new"),
        ("全角　の文 👨‍👩‍👧 é", "全角　の文 👨‍👩‍👧 é"),
        ("\ud800", "\\ud800"),
    ],
)
def test_controls_are_written_out(text: str, shown: str) -> None:
    """Line breaks, escape sequences and turns of direction are seen; letters stay as they are."""
    assert show_line(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_a_line_is_one_line(text: str) -> None:
    """Whatever the text: it prints on one line, and says which text it was."""
    shown = show_line(text)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in shown)
    read = shown.encode("latin-1", "backslashreplace").decode("unicode_escape")
    assert "".join(read.split("\\")) == "".join(text.split("\\"))
