"""Reads a chat completion: text, what ended it, and tokens where they tile the text. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.prompt import Finish, TokenScore

ENDINGS: Final = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
"""Every other reason, and none, leaves an answer that may be cut."""
THOUGHT: Final = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
FENCE: Final = re.compile(r"\s*```(?:json)?[^\S\n]*\n(.*?)\n?```\s*", re.DOTALL)
TOLERANCE: Final = 1e-6
"""How far above 0 a log-probability may be by rounding."""
WHITE: Final = b" \t\r\n"
MOST_TOKENS: Final = 10_000_000
"""No row has more; a count above it is nonsense, and would not fit into the ledger."""
LEAST_LOGPROB: Final = -1e100
"""llama-server's stand-in for minus infinity (-3.4e38) is above it; sums of them stay finite."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `tokens` tile its text, or there are none; counts are None where unknown."""

    text: str
    finish: Finish
    tokens: tuple[TokenScore, ...]
    prompt_tokens: int | None
    cached_tokens: int
    output_tokens: int | None


def read_reply(data: Any, *, fenced: bool = False) -> Reply | None:
    """Read the first choice; None for a body that holds no answer.

    Thoughts before the answer are left out, and with `fenced` the marks of a code block.
    """
    try:
        choice = data["choices"][0]
        message = choice["message"]
        said = _join(message.get("content"))
    except (LookupError, TypeError, AttributeError):
        return None
    if said is None:
        return None
    reason = str(choice.get("finish_reason"))
    text = _strip(said, fenced=fenced)
    if not is_utf8(text):
        return None
    prompt, cached, output = _read_usage(data.get("usage"))
    tokens = tile(text, _find_entries(choice))
    if output is None and tokens:
        output = len(tokens)
    return Reply(text, "stop" if reason in ENDINGS else "length", tokens, prompt, cached, output)


def tile(text: str, entries: Sequence[Any]) -> tuple[TokenScore, ...]:
    """Place tokens over a text's bytes in UTF-8; none where they are not exactly its bytes.

    What stands before and behind the text (white space, thoughts, marks of an end) wrote nothing
    of it. A token without a number spoils them all: a wrong confidence is worse than none.
    """
    wrote = [_read_entry(entry) for entry in entries]
    known = [entry for entry in wrote if entry is not None]
    content = text.encode()
    if not known or len(known) < len(wrote) or not content:
        return ()
    stream = b"".join(piece for piece, _ in known)
    offset = stream.find(content)
    if offset < 0 or stream.find(content, offset + 1) >= 0:
        return ()
    placed, at = [], -offset
    for piece, logprob in known:
        start, end = (min(max(edge, 0), len(content)) for edge in (at, at + len(piece)))
        outside = piece[: max(-at, 0)] + piece[max(len(content) - at, 0) :]
        if start < end and outside.strip(WHITE):
            return ()  # it wrote a part of the text and something else
        placed.append(TokenScore(start, end, logprob))
        at += len(piece)
    return tuple(placed)


def is_utf8(text: str) -> bool:
    """Say whether a text has bytes in UTF-8: JSON can hold half a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _join(content: Any) -> str | None:
    """Return a message's text; some servers send it in parts, or none if all was thought."""
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if part.get("type") == "text"]
        return "".join(parts) if all(isinstance(part, str) for part in parts) else None
    return content if isinstance(content, str) else None


def _strip(text: str, *, fenced: bool) -> str:
    thought = THOUGHT.match(text)
    if thought is not None:
        text = text[thought.end() :]
    block = FENCE.fullmatch(text) if fenced else None
    return (block[1] if block is not None else text).strip()


def _find_entries(choice: Any) -> Sequence[Any]:
    told = choice.get("logprobs")
    entries = told.get("content") if isinstance(told, dict) else None
    return entries if isinstance(entries, list) else ()


def _read_entry(entry: Any) -> tuple[bytes, float] | None:
    """Return what a token wrote and its log-probability; None if either is not known."""
    if not isinstance(entry, dict):
        return None
    logprob = entry.get("logprob")
    if isinstance(logprob, bool) or not isinstance(logprob, int | float):
        return None
    piece = _read_piece(entry.get("bytes"), entry.get("token"))
    if piece is None or not LEAST_LOGPROB <= logprob <= TOLERANCE:
        return None
    return piece, min(float(logprob), 0.0)


def _read_piece(numbers: Any, token: Any) -> bytes | None:
    if isinstance(numbers, list):
        try:
            return bytes(numbers)
        except (ValueError, TypeError):
            return None
    return token.encode() if isinstance(token, str) and is_utf8(token) else None


def _read_usage(usage: Any) -> tuple[int | None, int, int | None]:
    """Return the tokens read, those of them that were read before, and those written."""
    if not isinstance(usage, dict):
        return None, 0, None
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    prompt = _count(usage.get("prompt_tokens"))
    return prompt, min(cached or 0, prompt or 0), _count(usage.get("completion_tokens"))


def _count(value: Any) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return value if good else None
