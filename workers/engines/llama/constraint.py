"""JSON by construction: llguidance says which tokens may come next. The only module that calls it.

The order that wins (measured, 152k vocabulary): take the likeliest token, ask whether that one
may come (5 us), and compute the mask of all tokens (20 us) only when it may not.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.llamacpp import lltokenizer_from_vocab
from numpy.typing import NDArray

from jobs.errors import SpecError
from workers.engines.llama.model import Model

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

COMPILE_OPTIONS: "Final[JsonCompileOptions]" = {
    "whitespace_flexible": False,  # compact JSON: a quarter fewer tokens, and no endless blanks
    "json_allowed_escapes": '"\\nrt',  # no \u0000, no lone surrogate; characters stand as they are
    "lenient": False,  # a keyword that is not understood is refused, never passed over
}
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""llguidance 1.9.1 leaves them out of an enum's values without a word."""
PROBLEM_CHARS: Final = 200
"""How much of llguidance's own words about a schema goes into a message."""


class ConstraintError(Exception):
    """A matcher has no way on (a limit of llguidance, or logits that are no numbers)."""


class Grammar:
    """A JSON Schema compiled for one vocabulary; `start` gives each row its own matcher."""

    def __init__(self, tokenizer: LLTokenizer, schema: str) -> None:
        """Raise `SpecError` (`schema_unusable`) if nothing or not everything of it can be met."""
        try:
            compiled = LLMatcher.grammar_from_json_schema(schema, overrides=COMPILE_OPTIONS)
        except ValueError as error:
            raise SpecError("schema_unusable", problem=_shorten(str(error))) from None
        if any(CONTROLS.search(text) for text in _strings(json.loads(schema))):
            raise SpecError("schema_unusable", problem="a control character in a name or a value")
        limits = LLParserLimits(verbose_errors=False)
        self._tokenizer = tokenizer
        self._fresh = LLMatcher(tokenizer, compiled, log_level=0, limits=limits)
        if self._fresh.is_error():
            raise SpecError("schema_unusable", problem=_shorten(self._fresh.get_error()))

    def start(self) -> "Matcher":
        """Return a matcher at the beginning of an answer (8 us)."""
        return Matcher(self._tokenizer, self._fresh.deep_copy())


class Matcher:
    """One answer on its way through a grammar."""

    def __init__(self, tokenizer: LLTokenizer, inner: LLMatcher) -> None:
        self._tokenizer = tokenizer
        self._inner = inner

    @property
    def finished(self) -> bool:
        """Whether the answer is whole and nothing may follow it."""
        return self._inner.is_stopped() and self._inner.is_accepting()

    def choose(self, logits: NDArray[np.float32], best: int) -> int:
        """Take the likeliest token that may come, `best` being the likeliest of all.

        Raises `ConstraintError` if there is none.
        """
        token = best if self._inner.validate_tokens([best]) else self._choose_allowed(logits)
        if not self._inner.consume_token(token) or self._inner.is_error():
            raise ConstraintError
        return token

    def force(self, limit: int) -> tuple[int, ...]:
        """Take the tokens, at most `limit`, that must come next whatever the model says.

        Raises `ConstraintError` if the grammar does not take what it forces.
        """
        tokens = self._inner.compute_ff_tokens()[:limit]
        if tokens and not self._inner.consume_tokens(tokens):
            raise ConstraintError
        return tuple(tokens)

    def spell(self, token: int) -> bytes:
        """Return the bytes the grammar takes a token for."""
        return self._tokenizer.decode_bytes([token])

    def _choose_allowed(self, logits: NDArray[np.float32]) -> int:
        mask = np.frombuffer(self._inner.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(mask, count=len(logits), bitorder="little").astype(np.bool_)
        if self._inner.is_error() or not allowed.any():
            raise ConstraintError
        return int(np.where(allowed, logits, -np.inf).argmax())


class Grammars:
    """Compiles schemas for one model; what llguidance must know of its vocabulary is read once."""

    def __init__(self, make_tokenizer: Callable[[], LLTokenizer]) -> None:
        self._make_tokenizer = make_tokenizer
        self._tokenizer: LLTokenizer | None = None
        self._lock = threading.Lock()

    def compile(self, schema: str) -> Grammar:
        """Compile canonical JSON Schema text; raises `SpecError` (`schema_unusable`)."""
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._make_tokenizer()
        return Grammar(self._tokenizer, schema)


def read_vocabulary(model: Model, end: int) -> LLTokenizer:
    """Build llguidance's view of a model's vocabulary (half a second); `end` ends an answer too."""
    ends = sorted({end, *model.end_tokens()})
    return lltokenizer_from_vocab(model.vocabulary, eos_token=ends)


def _strings(value: Any) -> Iterator[str]:
    """Yield every name and every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        yield from _strings([*value, *value.values()])


def _shorten(problem: str) -> str:
    return " ".join(problem.replace("<non-verbose/>", "").split())[:PROBLEM_CHARS]
