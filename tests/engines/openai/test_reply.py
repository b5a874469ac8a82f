"""An answer's tokens tile its bytes exactly, or it has none."""

import json
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.openai.reply import Reply, read_reply, tile


def make(content: Any, entries: Any = None, reason: Any = "stop", **more: Any) -> dict[str, Any]:
    logprobs = None if entries is None else {"content": entries}
    choice = {"message": {"content": content}, "finish_reason": reason, "logprobs": logprobs}
    return {"choices": [choice], **more}


def read(data: Any, *, fenced: bool = False) -> Reply:
    reply = read_reply(data, fenced=fenced)
    assert reply is not None
    return reply


def entry(piece: bytes, logprob: Any = -0.5) -> dict[str, Any]:
    return {"token": piece.decode("utf-8", "replace"), "bytes": list(piece), "logprob": logprob}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.data())
def test_tokens_of_any_cut_tile_the_text(text: str, data: st.DataObject) -> None:
    """Also where a token ends within a character, as those of byte vocabularies do."""
    content = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(content)))) | {0, len(content)})
    pieces = [content[a:b] for a, b in pairwise(cuts)]
    placed = tile(text, [entry(piece) for piece in pieces])
    assert [(token.start, token.end) for token in placed] == list(pairwise(cuts))


@given(
    st.text("ab{}: \n", min_size=1, max_size=12),
    st.lists(st.binary(max_size=3), max_size=8),
    st.booleans(),
)
def test_spans_are_never_wrong(text: str, pieces: list[bytes], whole: bool) -> None:
    """Whatever a server sends: there are no tokens, or they tile the text and wrote its bytes."""
    if whole:
        pieces = [*pieces, text.encode(), *pieces]
    placed = tile(text, [entry(piece) for piece in pieces])
    at = 0
    for token, piece in zip(placed, pieces, strict=False):
        assert token.start == at <= token.end
        assert text.encode()[token.start : token.end] in piece
        at = token.end
    assert at == (len(text.encode()) if placed else 0)


def test_white_space_and_marks_of_the_end_wrote_nothing() -> None:
    """Servers leave them out of the text, or do not."""
    pieces = [b" ", b' {"a"', b":1}\n", b"<|im_end|>"]
    placed = tile('{"a":1}', [entry(piece) for piece in pieces])
    assert [(token.start, token.end) for token in placed] == [(0, 0), (0, 4), (4, 7), (7, 7)]


@pytest.mark.parametrize(
    "entries",
    [
        [entry(b"{}", None)],
        [entry(b"{}", float("nan"))],
        [entry(b"{}", 0.5)],
        [entry(b"{}", -math.inf)],
        [entry(b"{}", -(10**400))],
        [entry(b"{}", True)],
        [{"token": "\ufffd", "logprob": -1.0}, {"token": "}", "logprob": -1.0}],
        [{"token": "{}", "bytes": [1000], "logprob": -1.0}],
        [{"token": "\ud800", "logprob": -1.0}],
        [entry(b"{"), "nonsense"],
        [entry(b"{"), entry(b"} and more")],
        [],
    ],
)
def test_tokens_that_are_not_known_exactly_are_none(entries: list[Any]) -> None:
    """A number that is missing, or bytes that are not the text's, spoil all of them."""
    assert tile("{}", entries) == ()


def test_a_text_that_stands_twice_in_the_tokens_is_not_placed() -> None:
    """Nobody knows which of the two is the answer."""
    assert tile("{}", [entry(b"{}"), entry(b" {}")]) == ()


@pytest.mark.parametrize("entries", [None, [entry(b"no")]])
def test_null_logprobs_leave_the_answer_as_it_is(entries: Any) -> None:
    """LM Studio takes the wish for them and sends null."""
    assert read(make("{}", entries)) == Reply("{}", "stop", (), None, 0, None)


def test_a_cut_answer_is_marked() -> None:
    """So is one whose end has a reason nobody knows."""
    reasons: tuple[Any, ...] = ("length", None, "content_filter", "tool_calls", ["stop"], {})
    for reason in reasons:
        assert read(make("{", reason=reason)).finish == "length"
    assert read(make("{}", reason="eos")).finish == "stop"


def test_thoughts_and_fences_are_not_the_answer() -> None:
    """Thoughts go in any case, a fence only where the server holds nothing to a schema."""
    content = '<think>Is it "a"?</think>\n```json\n{"a": 1}\n```'
    assert read(make(content), fenced=True).text == '{"a": 1}'
    assert read(make(content)).text.startswith("```json")
    pieces = [b"<think>Is it ", b'"a"?', b"</think>", b'\n{"a"', b": 1}"]
    reply = read(make(b"".join(pieces).decode(), [entry(piece) for piece in pieces]))
    assert reply.text == '{"a": 1}'
    assert [(t.start, t.end) for t in reply.tokens if t.end > t.start] == [(0, 4), (4, 8)]


def test_an_answer_in_parts_and_one_that_was_all_thought() -> None:
    """Some servers send a list of parts, and null where the limit was reached while thinking."""
    assert read(make([{"type": "text", "text": "{"}, {"type": "text", "text": "}"}])).text == "{}"
    assert read(make(None, reason="length")).text == ""


@pytest.mark.parametrize(
    "data",
    [None, {}, {"choices": []}, {"choices": [{}]}, {"choices": [{"message": None}]}, [1],
     make(7), make([{"type": "text", "text": 1}]), make([3]),
     json.loads('{"choices": [{"message": {"content": "\\ud800"}}]}')],
)  # fmt: skip
def test_nonsense_is_no_reply(data: Any) -> None:
    """Nothing is made up where an answer is missing."""
    assert read_reply(data) is None


def test_usage_is_counted_where_it_is_told() -> None:
    """Cached tokens are a part of those read; nonsense counts as unknown."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 99},
    }
    reply = read(make("{}", usage=usage))
    assert (reply.prompt_tokens, reply.cached_tokens, reply.output_tokens) == (10, 10, 3)
    for nonsense in (-1, "many", True, 2**31, 2**70):  # the ledger's columns have 32 bits
        reply = read(make("{}", usage={"prompt_tokens": nonsense, "completion_tokens": nonsense}))
        assert (reply.prompt_tokens, reply.cached_tokens, reply.output_tokens) == (None, 0, None)
