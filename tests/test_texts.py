"""The identity of a text."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from jobs.texts import hash_text


@given(st.text())
def test_the_hash_is_that_of_the_bytes(text: str) -> None:
    """The hash of a text is the sha256 of its UTF-8."""
    assert hash_text(text) == hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def test_nothing_is_normalised() -> None:
    """Texts that only look alike are different texts."""
    alike = ["が", "か\u3099", "ｶﾞ", "が ", "が\n"]
    assert len({hash_text(text) for text in alike}) == len(alike)
    assert hash_text("\ud800") != hash_text("\udfff")
