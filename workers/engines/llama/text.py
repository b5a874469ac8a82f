"""An answer that is written token by token: bytes, where it ends, and its text in UTF-8."""

import math
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from jobs.prompt import Completion, Finish, TokenScore
from workers.engines.llama.constraint import Matcher
from workers.engines.llama.labels import Tokens
from workers.engines.llama.sequence import Sequence, Writing

REPLACEMENT_BYTES: Final = len("\ufffd".encode())


@dataclass(slots=True, eq=False)
class Text(Sequence):
    """A row whose answer is written: `written[i]` ended at byte `ends[i]` of `content`.

    What is written survives a failed step: the row is read again with it and goes on.
    """

    matcher: Matcher | None = None
    content: bytearray = field(default_factory=bytearray)
    written: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Finish | None = None
    broken: bool = False

    @property
    def rule(self) -> Writing:
        """How this answer is written."""
        if self.group.writing is None:
            raise TypeError
        return self.group.writing

    @property
    def unread(self) -> Tokens:
        return (*self.tokens, *self.written)

    @property
    def position(self) -> int:
        """Where the last written token stands; it is the one that is not read yet."""
        return len(self.group.prefix) + len(self.tokens) + len(self.written) - 1

    @property
    def finished(self) -> bool:
        return self.finish is not None or self.broken

    def add(self, token: int, content: bytes, logprob: float, *, ends: bool) -> None:
        """Take a token and what it writes; it may end the answer."""
        before = len(self.content)
        self.content += content
        self.written.append(token)
        self.ends.append(len(self.content))
        self.logprobs.append(logprob)
        self.output_tokens += 1
        self.broken = not math.isfinite(logprob)
        cut = _find_stop(self.content, self.rule.stops, before)
        if cut is not None:
            del self.content[cut:]
            self.ends = [min(end, cut) for end in self.ends]
        matched = self.matcher is not None and self.matcher.finished
        if ends or cut is not None or matched:
            self.finish = "stop"
        elif len(self.written) >= self.rule.max_tokens:
            self.finish = "length"

    def completion(self) -> Completion:
        """Return the text with the place and the probability of every token."""
        if self.broken:
            return Completion(self.key, None, usage=self.usage(), error="engine_failed")
        text, ends = decode(bytes(self.content), self.ends)
        spans = zip([0, *ends[:-1]], ends, self.logprobs, strict=True)
        return Completion(
            key=self.key,
            text=text,
            tokens=tuple(TokenScore(start, end, logprob) for start, end, logprob in spans),
            finish=self.finish,
            confidence_source="token_logprobs",
            usage=self.usage(),
        )


def decode(content: bytes, ends: Many[int]) -> tuple[str, list[int]]:
    """Return `content` as text, and where each of `ends` (in bytes) lies in its UTF-8.

    A character that is not whole at the end is dropped; bytes that are none become U+FFFD.
    """
    widths = np.ones(len(content), np.int64)  # what each byte is in the answer
    parts: list[str] = []
    at = 0
    while at < len(content):
        try:
            parts.append(content[at:].decode())
            break
        except UnicodeDecodeError as error:
            start, stop = at + error.start, at + error.end
            parts.append(content[at:start].decode())
            widths[start:stop] = 0
            if stop < len(content) or error.reason != "unexpected end of data":
                parts.append("\ufffd")
                widths[start] = REPLACEMENT_BYTES
            at = stop
    offsets = np.concatenate([[0], np.cumsum(widths)])
    return "".join(parts), [int(offsets[end]) for end in ends]


def _find_stop(content: bytearray, stops: tuple[bytes, ...], before: int) -> int | None:
    """Return where the first stop string begins that ends in what came after `before`."""
    found = [content.find(stop, max(before - len(stop) + 1, 0)) for stop in stops]
    return min((at for at in found if at >= 0), default=None)
