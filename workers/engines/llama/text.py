"""An answer that is written token by token: bytes, where it ends, and its text in UTF-8."""

import math
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.prompt import Completion, Finish, TokenScore
from workers.engines.llama.constraint import ConstraintError, Matcher
from workers.engines.llama.labels import Tokens
from workers.engines.llama.logits import Scores
from workers.engines.llama.repetition import goes_in_circles
from workers.engines.llama.sampling import draw, seed_row
from workers.engines.llama.sequence import Sequence, Writing
from workers.engines.llama.thinking import SHARE, find_answer, is_thinking
from workers.engines.llama.vocabulary import Vocabulary

REPLACEMENT_BYTES: Final = len("\ufffd".encode())


@dataclass(slots=True, eq=False)
class Text(Sequence):
    """A row whose answer is written: `written[i]` ended at byte `ends[i]` of `content`.

    What is written survives a failed step and a lost place: the row is read again with it and
    goes on. Tokens that a grammar forces are written without being asked for; their
    log-probabilities follow when they are read, so `logprobs` may be shorter than `written`.
    """

    vocabulary: Vocabulary = field(kw_only=True)
    matcher: Matcher | None = None
    content: bytearray = field(default_factory=bytearray)
    written: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Finish | None = None
    broken: bool = False
    refused_tokens: int = 0
    seed: int | None = None

    @property
    def rule(self) -> Writing:
        """How this answer is written."""
        if self.group.writing is None:
            raise TypeError
        return self.group.writing

    @property
    def unread(self) -> int:
        """The last token of a finished answer is never read: nothing follows it."""
        return len(self.tokens) + len(self.written) - self.read - (self.finish is not None)

    @property
    def unscored(self) -> int:
        """Forced tokens whose logits are owed, and the token that comes next unless it ended."""
        return len(self.written) - len(self.logprobs) + (self.finish is None)

    @property
    def answer_expected(self) -> int | None:
        return None if self.finish is None else len(self.written)

    @property
    def finished(self) -> bool:
        whole = self.finish is not None and len(self.logprobs) == len(self.written)
        return whole or self.broken

    def next_tokens(self, count: int) -> Tokens:
        start = self.read - len(self.tokens)
        if start >= 0:
            return tuple(self.written[start : start + count])
        return (*self.tokens, *self.written)[self.read : self.read + count]

    def take(self, scores: Scores) -> None:
        """Score the forced tokens that were read, then choose the next."""
        for output in range(len(scores)):
            if len(self.logprobs) < len(self.written):
                self._score(scores.logprob(output, self.written[len(self.logprobs)]))
            elif self.finish is None:
                self._choose(scores, output)

    def _score(self, logprob: float) -> None:
        self.logprobs.append(logprob)
        self.broken = self.broken or not math.isfinite(logprob)

    def _choose(self, scores: Scores, output: int) -> None:
        """Write the next token and what the grammar forces behind it; odd logits break the row."""
        best = int(scores.best[output])
        logits = scores.logits[output]
        try:
            if not math.isfinite(logits[best]):  # argmax finds a NaN or an infinity if there is one
                raise ConstraintError
            token = self._pick(logits, best)
            self._write(token)
            self._score(scores.logprob(output, token))
            if self.finish is None:
                self._force()
        except ConstraintError:
            self.broken = True

    def _pick(self, logits: NDArray[np.float32], best: int) -> int:
        rule = self.rule
        if self.matcher is None and rule.grammar is not None:
            self.matcher = rule.grammar.start()
        if self.matcher is not None:
            token = self.matcher.choose(logits, best)
            self.refused_tokens += token != best
            return token
        if rule.sampling.temperature <= 0:
            return best
        if self.seed is None:
            self.seed = seed_row(rule.sampling, self.ticket.prompt.text)
        return draw(logits, rule.sampling, self.seed, len(self.written))

    def _force(self) -> None:
        """Write what must come next: by the grammar, or to end a thought that grew too long."""
        rule = self.rule
        forced: Tokens = ()
        if self.matcher is not None:
            forced = self.matcher.force(rule.max_tokens - len(self.written))
        elif len(self.written) == int(SHARE * rule.max_tokens) and is_thinking(self.content):
            forced = rule.closing[: rule.max_tokens - len(self.written)]
        for number, token in enumerate(forced, start=1):
            self._write(token, more=number < len(forced))

    def _write(self, token: int, *, more: bool = False) -> None:
        rule = self.rule
        ends = token == rule.end or self.vocabulary.is_end(token)
        if ends:
            self.add(token, b"", ends=not rule.ignore_end, more=more)
        elif self.matcher is not None:
            self.add(token, self.matcher.spell(token), ends=False, more=more)
        else:
            self.add(token, self.vocabulary.token_bytes(token), ends=False, more=more)

    def add(self, token: int, content: bytes, *, ends: bool, more: bool = False) -> None:
        """Take a token and what it writes; it may end the answer, unless `more` are forced."""
        rule = self.rule
        before = len(self.content)
        self.content += content
        self.written.append(token)
        self.ends.append(len(self.content))
        self.output_tokens += 1
        cut = _find_stop(self.content, rule.stops, before) if rule.stops else None
        if cut is not None:
            del self.content[cut:]
            self.ends = [min(end, cut) for end in self.ends]
        if more:
            return
        if ends or cut is not None or (self.matcher is not None and self.matcher.finished):
            self.finish = "stop"
        elif len(self.written) >= rule.max_tokens:
            self.finish = "length"
        elif self.matcher is None and not rule.ignore_end and goes_in_circles(self.written):
            self.finish = "repeated"  # JSON may repeat itself as it was asked to

    def completion(self) -> Completion:
        """Return the text with the place and the probability of every token."""
        if self.broken:
            return Completion(self.key, None, usage=self.usage(), error="engine_failed")
        begin = find_answer(self.content)
        content = bytes(self.content[begin:])
        text, ends = decode(content, [max(end - begin, 0) for end in self.ends])
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
