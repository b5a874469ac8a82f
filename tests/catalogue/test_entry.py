"""One model of a catalogue: what contradicts itself is refused, what is unknown stays so."""

from typing import Any

import pytest
from pydantic import ValidationError

from workers.catalogue import Entry

FACTS = {"title": "Some Model", "family": "Some", "repository": "maker/some", "file": "a.gguf"}


def make(**facts: Any) -> Entry:
    """An entry with a file."""
    return Entry.model_validate({**FACTS, **facts})


@pytest.mark.parametrize(
    "facts",
    [
        {"file": None},
        {"file": "a.bin"},
        {"file": "../a.gguf"},
        {"file": "/etc/a.gguf"},
        {"repository": "no-owner"},
        {"sha256": "abc"},
        {"sha256": ["a" * 64, "b" * 64]},
        {"file_gb": -1},
        {"file_gb": float("nan")},
        {"file_gb": 5, "memory_gb": 4},
        {"commercial": "free", "conditions": ["ask"]},
        {"languages": ["Japanese"]},
        {"tasks": ["poetry"]},
        {"sources": {"licence": "http://not.secure/x"}},
        {"sources": {"licence": "the internet"}},
        {"sources": {"colour": "https://example.org/x"}},
        {"colour": "blue"},
    ],
)
def test_what_cannot_be_is_refused(facts: dict[str, Any]) -> None:
    """Each of these is a mistake in a catalogue."""
    with pytest.raises(ValidationError):
        make(**facts)


def test_the_parts_of_a_file_follow_from_the_first() -> None:
    """As llama.cpp names them."""
    entry = make(file="q4/big-00001-of-00003.gguf", sha256=["a" * 64, "b" * 64, "c" * 64])
    assert entry.files == tuple(f"q4/big-0000{part}-of-00003.gguf" for part in (1, 2, 3))
    assert make().files == ("a.gguf",)


def test_only_what_is_known_to_be_free_needs_no_consent() -> None:
    """A licence nobody sourced is not a free one."""
    assert make().needs_consent
    assert make(commercial="conditions").needs_consent
    assert make(commercial="free", gated=True).needs_consent
    assert not make(commercial="free").needs_consent


def test_facts_without_sources_are_found() -> None:
    """And sources without facts."""
    url = "https://example.org/card"
    entry = make(licence="mit", file_gb=2, sources={"file": url, "licence": url, "tasks": url})
    assert entry.unsourced() == {"file_gb", "tasks"}
