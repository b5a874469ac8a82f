"""Reads the values of a record where they stand in an answer, down to every item of its lists."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jobs.prompt import Completion
from jobs.spec import FieldSpec
from jobs.tasks.answers import Member, compact_json, own_spans, read_items, read_members
from jobs.tasks.folding import fold
from jobs.tasks.protocol import FieldReading
from jobs.tasks.signals import describe, token_logprobs
from jobs.tasks.values import Source, settle

TOO_MANY: Final = "too_many_items"
UNKNOWN: Final = FieldReading(None, None, None, "none")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is JSON, and the row's text in which its values should stand."""

    completion: Completion
    text: str
    source: Source

    def read(self, field: FieldSpec, member: Member, after: int = 0) -> FieldReading:
        """Read a value that `fits` its field; places behind the character `after` come first."""
        if field.type == "list":
            items = self._read_items(field, member, after)
            return gather_items(field, items, UNKNOWN if items else self._weigh(member))
        if field.type == "record" and member.value is not None:
            members = read_members(self.text, member)
            return gather_fields(
                {one.name: self.read(one, members[one.name], after) for one in field.fields}
            )
        settled = settle(field, member.value, self.source, after)
        weighed = self._weigh(member)
        return replace(weighed, value=settled.value, span=settled.span, problem=settled.problem)

    def _read_items(self, field: FieldSpec, member: Member, after: int) -> list[FieldReading]:
        """Read the items of a list; each is looked for behind the one before."""
        items: list[FieldReading] = []
        for one in read_items(self.text, member):
            items.append(self.read(field.item, one, after))
            after = find_end(items[-1].span, after)
        return items

    def _weigh(self, member: Member) -> FieldReading:
        """Return a reading with no more than the confidence of the member's own tokens.

        Signals are described for a value of its own; for a list they are those of all items.
        """
        logprobs = token_logprobs(self.completion.tokens, own_spans(self.text, member))
        if logprobs is None or self.completion.confidence_source == "none":
            return UNKNOWN
        source, least = self.completion.confidence_source, math.exp(min(logprobs))
        return FieldReading(None, None, least, source, signals=describe(logprobs))


def gather_fields(inner: Mapping[str, FieldReading]) -> FieldReading:
    """Return the reading of a record: as sure as its least sure field."""
    problem, name = next(
        ((one.problem, name) for name, one in inner.items() if one.problem), (None, "")
    )
    at = f".{name}{inner[name].problem_at}" if problem else ""
    return _sum_up(
        FieldReading(
            value={name: one.value for name, one in inner.items()},
            span={name: one.span for name, one in inner.items()},
            confidence=None,
            confidence_source="none",
            problem=problem,
            problem_at=at,
            inner=dict(inner),
        ),
        {"fields": {name: dict(one.signals) for name, one in inner.items()}},
        tuple(inner.values()),
    )


def gather_items(
    field: FieldSpec, items: Sequence[FieldReading], empty: FieldReading
) -> FieldReading:
    """Return the reading of a list: as sure as its least sure item, an empty one as `empty`.

    What stands at one place of the text is one item, however often the answer has it.
    """
    kept = drop_repeated(items)
    if not kept:
        problem = "value_missing" if field.required else None
        return replace(empty, value=[], span=(), problem=problem, inner=())
    number, problem = next(
        ((at, one.problem) for at, one in enumerate(kept) if one.problem), (0, None)
    )
    at = f"[{number}]{kept[number].problem_at}" if problem else ""
    signals: dict[str, Any] = {"items": [dict(one.signals) for one in kept]}
    if len(kept) < len(items):
        signals["repeated"] = len(items) - len(kept)
    if problem is None and len(kept) > field.max_items:
        problem = TOO_MANY
    return _sum_up(
        FieldReading(
            value=[one.value for one in kept],
            span=tuple(one.span for one in kept),
            confidence=None,
            confidence_source="none",
            problem=problem,
            problem_at=at,
            inner=kept,
        ),
        signals,
        kept,
    )


def drop_repeated(items: Sequence[FieldReading]) -> tuple[FieldReading, ...]:
    """Return the items without those that stand where an earlier, equal one does."""
    kept: dict[tuple[str, str], FieldReading] = {}
    for number, one in enumerate(items):
        same = str(number) if isinstance(one.value, bool) else _plain(one.value)
        kept.setdefault((same, repr(_place(one))), one)
    return tuple(kept.values())


def _plain(value: Any) -> str:
    return fold(compact_json({"": value})).text


def _place(one: FieldReading) -> Any:
    """Return where a value stands; a record stands where its texts do, if it has any.

    Numbers are found anywhere: an equal record elsewhere is told by its words.
    """
    if not isinstance(one.inner, Mapping):
        return one.span
    texts = [part.span for part in one.inner.values() if isinstance(part.value, str) and part.span]
    return texts or one.span


def find_end(span: Any, after: int) -> int:
    """Return where the last place of a value, a list or a record ends; `after` without one."""
    if isinstance(span, Mapping):
        span = tuple(span.values())
    if not span:
        return after
    if isinstance(span[0], int):
        return int(span[1])
    return max(find_end(one, 0) for one in span) or after


def _sum_up(
    reading: FieldReading, signals: dict[str, Any], inner: Sequence[FieldReading]
) -> FieldReading:
    """Add confidence and signals: `min` is the least of what is inside, unknown if one is."""
    known = [one.confidence for one in inner if one.confidence is not None]
    if len(known) < len(inner):
        return replace(reading, signals=signals)
    least = min(inner, key=lambda one: one.confidence or 0.0)
    signals = {"min": least.signals["min"], **signals} if "min" in least.signals else signals
    return replace(
        reading,
        confidence=min(known),
        confidence_source=least.confidence_source,
        signals=signals,
    )
