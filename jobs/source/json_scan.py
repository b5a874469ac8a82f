"""Cuts a JSON document into its values without parsing them: memory is one value's beginning.

Brackets and quotes alone are looked at, so that a value that is no JSON (NaN, a broken escape)
costs its record and not its neighbours. Where brackets do not match nobody knows where the next
record begins, and reading stops.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TextIO

from jobs.source.split import PIECE_CHARS

STRING_BODY: Final = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
BODY: Final = re.compile(STRING_BODY, re.DOTALL)
INSIDE: Final = re.compile(rf'[^"\[\]{{}}]*+(?:"{STRING_BODY}"[^"\[\]{{}}]*+)*+', re.DOTALL)
BESIDE: Final = re.compile(rf'[^"\[\]{{}},:]*+(?:"{STRING_BODY}"[^"\[\]{{}},:]*+)*+', re.DOTALL)
SPACE: Final = re.compile(r"[ \t\r\n]*+")
MOST_BRACKETS: Final = 1 << 20
"""How many may be open at once; what opens more is no document but a bomb."""
OPENING: Final = {"]": "[", "}": "{"}


class BrokenJson(Exception):  # noqa: N818 - a fact about the file
    """The document ends too early or its brackets do not match: json_truncated, json_broken."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Value(NamedTuple):
    """A value as it stands."""

    text: str
    """All of it, or its beginning where it is too long."""
    chars: int


class _State:
    """Where in a value the scanner is."""

    __slots__ = ("in_string", "is_escaped", "open_brackets")

    def __init__(self) -> None:
        self.open_brackets: list[str] = []
        self.in_string = False
        self.is_escaped = False


class Scanner:
    """Goes through a document from its start."""

    def __init__(self, text: TextIO) -> None:
        """Stand before the first character; a byte order mark is none."""
        self._text = text
        self._chunk = text.read(PIECE_CHARS).removeprefix("\ufeff")
        self._at = 0

    def peek(self) -> str:
        """Go over white space and return the next character; "" at the end."""
        while True:
            self._at = SPACE.match(self._chunk, self._at).end()  # type: ignore[union-attr]  # it matches ""
            if self._at < len(self._chunk):
                return self._chunk[self._at]
            if not self._refill():
                return ""

    def step(self) -> None:
        """Go over the character that was peeked at."""
        self._at += 1

    def expect(self, mark: str) -> None:
        """Go over `mark`, which has to come next; raises BrokenJson."""
        found = self.peek()
        if found != mark:
            raise BrokenJson("json_broken" if found else "json_truncated")
        self.step()

    def read_value(self, max_chars: int) -> Value:
        """Read up to the comma, colon or bracket that ends a value; keep `max_chars` of it.

        Raises BrokenJson.
        """
        parts: list[str] = []
        chars = 0
        state = _State()
        while self._at < len(self._chunk) or self._refill():
            start = self._at
            ended = self._scan(state)
            chars += self._at - start
            if chars <= max_chars:
                parts.append(self._chunk[start : self._at])
            if ended:
                return Value("".join(parts), chars)
        raise BrokenJson("json_truncated")

    def _refill(self) -> bool:
        self._chunk = self._text.read(PIECE_CHARS)
        self._at = 0
        return bool(self._chunk)

    def _scan(self, state: _State) -> bool:
        """Go on in the chunk; tell whether the value has ended."""
        chunk = self._chunk
        while self._at < len(chunk):
            if state.in_string:
                self._scan_string(state)
                continue
            pattern = INSIDE if state.open_brackets else BESIDE
            self._at = pattern.match(chunk, self._at).end()  # type: ignore[union-attr]  # it matches ""
            if self._at == len(chunk):
                break
            mark = chunk[self._at]
            if mark == '"':  # it goes on in the next chunk
                state.in_string = True
            elif mark in "[{":
                state.open_brackets.append(mark)
                if len(state.open_brackets) > MOST_BRACKETS:
                    raise BrokenJson("json_broken")
            elif not state.open_brackets:
                return True
            elif state.open_brackets.pop() != OPENING[mark]:
                raise BrokenJson("json_broken")
            self._at += 1
        return False

    def _scan_string(self, state: _State) -> None:
        at = BODY.match(self._chunk, self._at + state.is_escaped).end()  # type: ignore[union-attr]  # it matches ""
        state.is_escaped = False
        if at < len(self._chunk):
            state.in_string = self._chunk[at] != '"'
            state.is_escaped = state.in_string  # a backslash is the chunk's last character
            at += 1
        self._at = at


def read_elements(scanner: Scanner, max_chars: int) -> Iterator[Value]:
    """Yield the values of a list whose bracket was gone over; raises BrokenJson."""
    if scanner.peek() == "]":
        scanner.step()
        return
    while True:
        element = scanner.read_value(max_chars)
        mark = scanner.peek()
        if mark not in (",", "]"):
            raise BrokenJson("json_broken" if mark else "json_truncated")
        yield element
        scanner.step()
        if mark == "]":
            return


def enter(scanner: Scanner, key: str, max_key_chars: int = PIECE_CHARS) -> bool:
    """Go into an object up to the value of `key`; tell whether it has that key."""
    if scanner.peek() != "{":
        return False
    scanner.step()
    while scanner.peek() == '"':
        name = scanner.read_value(max_key_chars)
        scanner.expect(":")
        if is_key(name, key):
            return True
        scanner.read_value(0)
        if scanner.peek() != ",":
            return False
        scanner.step()
    return False


def is_key(name: Value, key: str) -> bool:
    """Tell whether a string in the document is this key."""
    try:
        return bool(json.loads(name.text) == key)
    except ValueError:
        return False


def leave(scanner: Scanner, keys: Sequence[str], max_key_chars: int = PIECE_CHARS) -> None:
    """Go from the end of the list at `keys` to the end of the document; raises BrokenJson.

    A key that comes again would hide records; that is a broken document too.
    """
    for key in reversed(keys):
        while scanner.peek() == ",":
            scanner.step()
            name = scanner.read_value(max_key_chars)
            scanner.expect(":")
            if is_key(name, key):
                raise BrokenJson("json_broken")
            scanner.read_value(0)
        scanner.expect("}")
    if scanner.peek():
        raise BrokenJson("json_broken")
