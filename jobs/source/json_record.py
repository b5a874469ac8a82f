"""Reads one JSON record: strictly, deterministically, and only what a row needs of it.

Numbers keep the digits they were written with, so that ids and huge integers lose none. NaN and
Infinity are no JSON. What is nested too deep for the parser, or too long for memory, is only
glimpsed at for its id.
"""

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

import ijson

from jobs.source.encoding import MARK
from jobs.source.fields import Compound, FieldJudge, Flaw, Number, Values
from jobs.source.record import InputShape, Params, Reject, Row

OUTSIDE_TEXT_CHARS: Final = 1 << 23
ESCAPED_CHARS: Final = 12  # one character beyond the first plane as two escapes
MAX_DEPTH: Final = 200
GLIMPSE_DEPTH: Final = 32
GLIMPSE_CHARS: Final = 1 << 20
STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
BRACKET: Final = re.compile(r"[\[\]{}]")


class Repeated(dict[str, Any]):
    """An object in which at least one key stands twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        """Keep the last value of each key, as parsers do."""
        super().__init__(pairs)
        seen: set[str] = set()
        self.repeated = {key for key, _ in pairs if key in seen or seen.add(key)}  # type: ignore[func-returns-value]


def _as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(pairs)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN, Infinity, -Infinity


DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_as_object, parse_int=Number, parse_float=Number, parse_constant=_refuse
)


def limit_record_chars(shape: InputShape) -> int:
    """Return how long a record may be as JSON: its text escaped, and much beside it."""
    return OUTSIDE_TEXT_CHARS + ESCAPED_CHARS // 2 * shape.max_text_chars


class JsonJudge:
    """Makes a row or a reject of a record's JSON."""

    def __init__(self, shape: InputShape) -> None:
        """Remember the paths asked for."""
        self._judge = FieldJudge(shape, "lone_surrogate")
        self._paths = tuple((name, tuple(name.split("."))) for name in shape.wanted)
        self._is_nested = any(len(path) > 1 for _, path in self._paths)
        self._shape = shape
        self.max_chars = limit_record_chars(shape)
        self.start_pass()

    def start_pass(self) -> None:
        """Forget what was seen in the pass before."""
        self._unseen = set(self._shape.wanted)
        self._has_seen = False

    def list_unseen(self) -> list[str]:
        """Return the paths that led nowhere in every record of the pass, if there was one."""
        return [name for name in self._shape.wanted if self._has_seen and name in self._unseen]

    def judge(self, number: int, text: str, chars: int, params: Params) -> Row | Reject:
        """Return the row or the reject of record `number`.

        `text` is its beginning where `chars` is more than `max_chars`; `params` say where it
        stands.
        """
        if chars > self.max_chars:
            flaw: Flaw = ("record_too_long", {"chars": chars, "limit": self.max_chars})
            return self._reject(number, glimpse(text, self._paths), flaw, params)
        if MARK not in text and is_deep(text):
            return self._judge_deep(number, text, params)
        record = parse(text)
        if isinstance(record, tuple):
            return Reject(number, None, record[0], {**record[1], **params})
        if isinstance(record, Repeated) or self._is_nested:
            flaw_found = self._find_repeated(record)
            if flaw_found:
                return self._reject(number, self._read(record), flaw_found, params)
        judged = self._judge.judge(number, self._read(record))
        if isinstance(judged, Reject):
            return Reject(number, judged.source_id, judged.reason_code, {**judged.params, **params})
        return judged

    def _read(self, record: Mapping[str, Any]) -> dict[str, str | None]:
        values = {
            name: as_value(record[name] if name in record else find(record, path))
            for name, path in self._paths
        }
        self._has_seen = True
        if self._unseen:
            self._unseen.difference_update(
                name for name, value in values.items() if value is not None
            )
        return values

    def _find_repeated(self, record: Mapping[str, Any]) -> Flaw | None:
        for name, path in self._paths:
            for key in repeated_on(record, (name,) if name in record else path):
                return "duplicate_key", {"key": key}
        return None

    def _judge_deep(self, number: int, text: str, params: Params) -> Reject:
        values = glimpse(text, self._paths)
        compound = any(isinstance(values.get(name), Compound) for name in self._shape.texts)
        code = "text_not_string" if compound else "json_too_deep"
        return self._reject(number, values, (code, {"limit": MAX_DEPTH}), params)

    def _reject(self, number: int, values: Values, flaw: Flaw, params: Params) -> Reject:
        return Reject(number, self._judge.read_id(number, values), flaw[0], {**flaw[1], **params})


def parse(text: str) -> dict[str, Any] | Flaw:
    """Return the object a text is as JSON, or why it is none."""
    if MARK in text:
        return "decode_error", {}
    try:
        record = DECODER.decode(text)
    except ValueError as error:
        return "bad_json", {"at": getattr(error, "pos", 0) + 1}
    return record if isinstance(record, dict) else ("not_an_object", {})


def find(record: Any, path: Sequence[str]) -> Any:
    """Return what stands at a path of keys; None where it leads nowhere."""
    for key in path:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def repeated_on(record: Any, path: Sequence[str]) -> list[str]:
    """Return the keys of the path that stand twice in their object."""
    found = []
    for key in path:
        if isinstance(record, Repeated) and key in record.repeated:
            found.append(key)
        record = record.get(key) if isinstance(record, dict) else None
    return found


def as_value(value: Any) -> str | None:
    """Return a parsed value as the judge takes it: a text, Number, Compound or None."""
    if value is None or isinstance(value, str):
        return value
    return Compound(write(value))


def write(value: Any) -> str:
    """Return a parsed value as JSON, numbers as they stood."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}: {write(of)}" for key, of in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(write, value))}]"
    return json.dumps(value, ensure_ascii=False)


def is_deep(text: str) -> bool:
    """Tell whether a record is nested deeper than MAX_DEPTH, whatever the caller's own depth."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in BRACKET.finditer(STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def glimpse(text: str, paths: Sequence[tuple[str, Sequence[str]]]) -> dict[str, str | None]:
    """Return what stands at the paths before the text ends, breaks, or grows long; by name."""
    found: dict[str, str | None] = {}
    names = {tuple(path): name for name, path in paths}
    names.update({(name,): name for name, _ in paths})
    keys: list[str | None] = []
    depth = 0
    try:
        start = text[:GLIMPSE_CHARS].encode("utf-8", "replace")
        events = ijson.basic_parse(io.BytesIO(start))
        for event, value in events:
            if event == "map_key":
                if depth <= GLIMPSE_DEPTH:
                    keys[-1] = value
                continue
            if event in ("end_map", "end_array"):
                if depth <= GLIMPSE_DEPTH:
                    keys.pop()
                depth -= 1
                continue
            name = names.get(tuple(keys)) if depth <= GLIMPSE_DEPTH else None  # type: ignore[arg-type]
            is_inner = event in ("start_map", "start_array")
            if name is not None and name not in found:
                found[name] = Compound("") if is_inner else _as_glimpsed(event, value)
            depth += is_inner
            if is_inner and depth <= GLIMPSE_DEPTH:
                keys.append(None)
    except (ijson.JSONError, ValueError):
        pass
    return found


def _as_glimpsed(event: str, value: Any) -> str | None:
    if event == "null":
        return None
    return Compound("") if event == "boolean" else str(value)
