"""From a completion's text to data: whole or not at all, and where each value stands in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Never

from jobs.prompt import Completion
from jobs.tasks.signals import byte_span

WHITE: Final = " \t\n\r"
LIMITS: Final = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
"""How long an answer may be, in tokens."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a JSON object; its value stands at [start, end) of the text."""

    name: str
    value: Any
    start: int
    end: int


def find_fault(completion: Completion) -> str | None:
    """Return the code of the reason why a completion holds no whole answer, None if it does."""
    if completion.error is not None:
        return completion.error
    if completion.text is None:
        return "no_answer"
    if completion.finish == "length":
        return "answer_cut"
    if completion.finish == "repeated":
        return "answer_repeats"
    return None if is_storable(completion.text) else "answer_not_text"


def is_storable(text: str) -> bool:
    """Whether every database can hold a text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def read_object(text: str) -> tuple[Member, ...] | None:
    """Read one JSON object and nothing else; None if the text is anything else.

    Names may stand twice in the result if they do in the text.
    """
    try:
        members, end = _read_members(text, _skip(text, 0))
    except (ValueError, IndexError, RecursionError):
        return None
    return members if _skip(text, end) == len(text) else None


def read_form(text: str, name: str) -> Member | str:
    """Return the one member, `name`, of an object that holds nothing else.

    Else the code of what is wrong; null there is no answer either.
    """
    members = read_object(text)
    if members is None:
        return "answer_not_json"
    if [member.name for member in members] != [name] or members[0].value is None:
        return "answer_off_schema"
    return members[0]


def read_items(text: str, listed: Member) -> tuple[Member, ...]:
    """Return the items of a member that is a list, where they stand in the text; unnamed."""
    items: list[Member] = []
    at = _skip(text, listed.start + 1)
    while at < listed.end - 1:
        value, end = DECODER.raw_decode(text, at)
        items.append(Member("", value, at, end))
        at = _skip(text, _skip(text, end) + 1)
    return tuple(items)


def read_members(text: str, record: Member) -> dict[str, Member]:
    """Return the members of a member that is an object, where they stand in the text."""
    members, _ = _read_members(text, record.start)
    return {member.name: member for member in members}


def own_spans(text: str, member: Member) -> list[tuple[int, int]]:
    """Return the bytes that are the value itself: no quotes, no names of an amount's parts.

    An empty string is its quotes.
    """
    start, end = member.start, member.end
    if isinstance(member.value, str):
        found = (start + 1, end - 1) if end - start > 2 else (start, end)
        return [byte_span(text, *found)]
    if isinstance(member.value, dict):
        return [
            span for one in read_members(text, member).values() for span in own_spans(text, one)
        ]
    return [byte_span(text, start, end)]


def item_spans(text: str, member: Member) -> list[tuple[int, int]]:
    """Return the bytes of each item of a value that is a list of plain values, quotes left out."""
    spans: list[tuple[int, int]] = []
    at = _skip(text, member.start + 1)
    for number, value in enumerate(member.value):
        at = _skip(text, at + 1) if number else at  # behind the comma
        _, end = DECODER.raw_decode(text, at)
        spans += own_spans(text, Member("", value, at, end))
        at = _skip(text, end)
    return spans


def compact_json(data: Mapping[str, Any]) -> str:
    """Write JSON in one spelling, members in their order: schemas, and examples of answers."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with all of these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def bound_tokens(estimate: float) -> int:
    """Return a limit of tokens that covers an estimate: one of few, so that rows share them."""
    return next((limit for limit in LIMITS if limit >= estimate), LIMITS[-1])


def _read_members(text: str, at: int) -> tuple[tuple[Member, ...], int]:
    """Read the object that begins at `at`; return its members and where it ends."""
    _expect(text, at, "{")
    at = _skip(text, at + 1)
    members: list[Member] = []
    if text[at] == "}":
        return (), at + 1
    while True:
        _expect(text, at, '"')
        name, at = DECODER.raw_decode(text, at)
        at = _skip(text, at)
        _expect(text, at, ":")
        start = _skip(text, at + 1)
        value, end = DECODER.raw_decode(text, start)
        members.append(Member(name, value, start, end))
        at = _skip(text, end)
        if text[at] == "}":
            return tuple(members), at + 1
        _expect(text, at, ",")
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in WHITE:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> None:
    if text[at] != mark:
        raise ValueError(mark)


def _unknown_number(name: str) -> Never:
    raise ValueError(name)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a member twice: which one was meant is not known."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("twice")
    return dict(pairs)


DECODER: Final = json.JSONDecoder(parse_constant=_unknown_number, object_pairs_hook=_distinct)
