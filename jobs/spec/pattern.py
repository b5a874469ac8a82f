"""Patterns: regular expressions that a whole value must meet, matched in time linear in its length.

llguidance matches them: the engine that writes JSON by these patterns and the task that checks an
answer then mean the same, and no pattern can hang a worker (derivatives, no backtracking). Its
dialect is that of Rust's regex: no look-around, no word boundaries, no references to groups.
"""

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer
    from llguidance._lib import JsonCompileOptions

MAX_PATTERN_CHARS: Final = 500
PROBLEM_CHARS: Final = 120
QUOTE: Final = ord('"')
MAX_REPEATS: Final = 1_000
REPEATS: Final = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")
WRITTEN: "Final[JsonCompileOptions]" = {"json_allowed_escapes": '"\\nrt'}
"""What an engine writes in a string: no control characters but line ends and tabs."""


class Pattern:
    """A compiled pattern; `schema_form` is how a JSON Schema says that all of a string meets it."""

    def __init__(self, text: str) -> None:
        """Raise ValueError if it is no such expression, or if no text meets it."""
        from llguidance import LLMatcher  # noqa: PLC0415 - most specs have no pattern

        if not text or len(text) > MAX_PATTERN_CHARS:
            raise ValueError(f"a pattern should have 1 to {MAX_PATTERN_CHARS} characters")
        if any(int(most or 0) > MAX_REPEATS for pair in REPEATS.findall(text) for most in pair):
            raise ValueError(f"a pattern repeats something at most {MAX_REPEATS:,} times")
        self.text = text
        self.schema_form = f"^(?:{_without_anchors(text)})$"
        try:
            regex = LLMatcher.grammar_from_regex(self.text)
            schema = json.dumps({"type": "string", "pattern": self.schema_form})
            form = LLMatcher.grammar_from_json_schema(schema, overrides=WRITTEN)
            written = LLMatcher(_read_bytes(), form, log_level=0)
            self._fresh = LLMatcher(_read_bytes(), regex, log_level=0)
        except ValueError as error:
            raise ValueError(_explain(str(error))) from None
        problem = self._fresh.get_error() or written.get_error()
        if problem:
            raise ValueError(_explain(problem))
        if not _can_be_text(written):
            raise ValueError("no text meets the pattern")

    def fits(self, text: str) -> bool:
        """Whether all of a text meets the pattern."""
        matcher = self._fresh.deep_copy()
        content = list(text.encode("utf-8", "replace"))
        return matcher.try_consume_tokens(content) == len(content) and matcher.is_accepting()


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Return the pattern; raises ValueError as `Pattern` does."""
    return Pattern(text)


@lru_cache(maxsize=1)
def _read_bytes() -> "LLTokenizer":
    """A vocabulary whose tokens are the bytes."""
    from llguidance import LLTokenizer  # noqa: PLC0415 - see above

    return LLTokenizer("byte")


def _without_anchors(text: str) -> str:
    """Drop `^` at the start and `$` at the end: all of a value has to meet the pattern anyway."""
    start = 1 if text.startswith("^") else 0
    body = text[start:]
    escapes = len(body[:-1]) - len(body[:-1].rstrip("\\"))
    return body[:-1] if body.endswith("$") and escapes % 2 == 0 else body


def _can_be_text(written: "LLMatcher") -> bool:
    """Whether anything but the closing quote may follow the opening one."""
    import numpy as np  # noqa: PLC0415 - see above

    if not written.try_consume_tokens([QUOTE]):
        return False
    mask = np.unpackbits(np.frombuffer(written.compute_bitmask(), np.uint8), bitorder="little")
    return any(int(byte) != QUOTE for byte in mask[:256].nonzero()[0])


def _explain(problem: str) -> str:
    """Say in one line what llguidance says on many."""
    if "Unsatisfiable" in problem or "Regex is empty" in problem:
        return "no text meets the pattern"
    if "look" in problem or "backreference" in problem:
        return (
            "a pattern cannot look around, know word boundaries or refer to its own groups; "
            "^ and $ stand at its ends only"
        )
    told = problem.rpartition("error: ")[2] if "error: " in problem else problem
    line = next((one.strip() for one in told.splitlines() if one.strip()), "it cannot be read")
    return f"the pattern is no regular expression: {line[:PROBLEM_CHARS]}"
