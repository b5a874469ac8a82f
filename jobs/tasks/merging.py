"""The answers to the parts of a long row, brought together.

A text is as sure as its least sure part. A label takes the mean of the parts' log-probabilities,
weighted by length; of several labels each takes the greatest of its probabilities. A field takes
its surest grounded value; where another part has a different grounded one, it is less sure:
halved, if both are as sure as each other. Lists are joined.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from jobs.prompt import Completion
from jobs.spec import FieldSpec
from jobs.tasks.answers import compact_json
from jobs.tasks.folding import fold
from jobs.tasks.protocol import FieldReading, Part, Reading
from jobs.tasks.records import gather_fields, gather_items
from jobs.tasks.signals import FLOOR
from jobs.tasks.values import Settled, Source, settle

NO_SPACES: Final = frozenset({"ja", "zh"})
"""Languages whose sentences follow each other without a space."""


def find_broken(readings: Sequence[Reading]) -> Reading | None:
    """Return the first reading without an answer: it is the whole row's."""
    return next((reading for reading in readings if reading.output is None), None)


def find_least_sure(readings: Sequence[Reading]) -> Reading:
    """Return the reading whose confidence is lowest; an unknown one is lower than all others."""
    return min(readings, key=lambda reading: _rank(reading.confidence))


def mean_scores(parts: Sequence[Part], other: str | None = None) -> Completion:
    """Return a completion with the mean of the parts' label scores; all have the same labels.

    Where one of them is `other`, none of these, the row has it as far as every part has it: the
    least of its probabilities. A part weighs for the other labels what it is not that.
    """
    scores = [dict(part.completion.scores) for part in parts]
    labels = [label for label in scores[0] if label != other]
    nowhere = min(one[other] for one in scores) if other is not None else 0.0
    weights = [
        len(part.text) * (1 - one[other] if other is not None else 1.0)
        for part, one in zip(parts, scores, strict=True)
    ]
    whole = math.fsum(weights) or 1.0  # all parts are surely none of these
    logs = [
        math.fsum(w * _log(one[label]) for w, one in zip(weights, scores, strict=True)) / whole
        for label in labels
    ]
    highest = max(logs)
    shares = [math.exp(log - highest) for log in logs]
    found = {
        label: (1 - nowhere) * share / math.fsum(shares)
        for label, share in zip(labels, shares, strict=True)
    }
    if other is not None:
        found[other] = nowhere
    best = max(found, key=lambda label: found[label])
    return replace(parts[0].completion, text=best, scores=tuple(found.items()))


def greatest_scores(parts: Sequence[Part]) -> Completion:
    """Return a completion in which each label has the greatest of its scores over the parts."""
    found: dict[str, float] = {}
    for part in parts:
        for label, score in part.completion.scores:
            found[label] = max(score, found.get(label, 0.0))
    return replace(parts[0].completion, scores=tuple(found.items()))


def weigh_labels(
    parts: Sequence[Part], readings: Sequence[Reading], other: str | None
) -> dict[str, float]:
    """Return the share of the text that each label was written for, times how sure that was.

    Parts that are `other`, none of these, count only where all parts are; one whose confidence is
    unknown counts whole.
    """
    found = list(zip(parts, readings, strict=True))
    speaking = [one for one in found if one[1].label != other] or found
    whole = sum(len(part.text) for part, _ in speaking)
    shares: dict[str, float] = {}
    for part, reading in speaking:
        sure = 1.0 if reading.confidence is None else reading.confidence
        label = reading.label or ""
        shares[label] = shares.get(label, 0.0) + sure * len(part.text) / whole
    return shares


def join_texts(parts: Sequence[Part], texts: Sequence[str], whole: str, language: str) -> str:
    """Join the parts' translations by what stands between the parts.

    Line breaks stay; a space is there where the target language has one between sentences.
    """
    joined = texts[0]
    for before, after, text in zip(parts, parts[1:], texts[1:], strict=False):
        gap = whole[before.start + len(before.text) : after.start]
        if "\n" not in gap:
            in_word = not gap and (before.text[-1] + after.text[0]).isascii()
            gap = "" if language in NO_SPACES or in_word else " "
        joined += gap + text
    return joined


def merge_field(
    field: FieldSpec, parts: Sequence[Part], found: Sequence[FieldReading], source: Source
) -> FieldReading:
    """Return a field for the row from what its parts say of it.

    A list holds the items of all parts in the text's order, a record each of its fields by itself.
    """
    if field.type == "list":
        return _merge_items(field, parts, found, source)
    if field.type == "record" and any(one.inner for one in found):
        return gather_fields(
            {
                inner.name: merge_field(
                    inner, parts, [_inside(one, inner) for one in found], source
                )
                for inner in field.fields
            }
        )
    return _merge_value(field, parts, found, source)


def _inside(record: FieldReading, field: FieldSpec) -> FieldReading:
    """Return what a part says of a field of a record: nothing, if it says null of the record."""
    if isinstance(record.inner, Mapping):
        return record.inner[field.name]
    nothing: Any = [] if field.type == "list" else None
    return replace(record, value=nothing, span=None, problem=None, inner=None)


def _merge_value(
    field: FieldSpec, parts: Sequence[Part], found: Sequence[FieldReading], source: Source
) -> FieldReading:
    """Return the field of the part that is believed about it.

    Null is believed if no part has a value, and is as sure as the least sure of them. Its signals
    are that part's; `rival` is the confidence of a part that disagrees.
    """
    valued = [number for number, one in enumerate(found) if _has_value(one)]
    if not valued:
        least = min(found, key=lambda one: _rank(one.confidence))
        return replace(least, value=None, span=None, problem=settle(field, None, source).problem)
    best = max(valued, key=lambda n: (found[n].problem is None, _rank(found[n].confidence), -n))
    chosen = found[best]
    settled = settle(field, chosen.value, source)
    rivals = [
        one.confidence or 0.0
        for one in map(found.__getitem__, valued)
        if one.problem is None and _plain(one.value) != _plain(chosen.value)
    ]
    rival = max(rivals, default=0.0)
    return replace(
        chosen,
        value=settled.value,
        span=_place(chosen, parts[best], settled),
        confidence=_doubt(chosen.confidence, rival),
        problem=settled.problem,
        signals={**chosen.signals, "rival": rival} if rival else chosen.signals,
    )


def _merge_items(
    field: FieldSpec, parts: Sequence[Part], found: Sequence[FieldReading], source: Source
) -> FieldReading:
    """Return all items, as sure as the least sure part is of its own, also of having none."""
    items = [
        _in_row(field.item, item, part, source)
        for part, one in zip(parts, found, strict=True)
        for item in one.inner or ()
        if isinstance(item, FieldReading)
    ]
    least = min(found, key=lambda one: _rank(one.confidence))
    merged = gather_items(field, items, least)
    if least.confidence is None:
        return replace(merged, confidence=None, confidence_source="none")
    if merged.confidence is None or merged.confidence <= least.confidence:
        return merged
    signals = {**merged.signals, "min": least.signals.get("min", merged.signals.get("min"))}
    return replace(merged, confidence=least.confidence, signals=signals)


def _in_row(field: FieldSpec, one: FieldReading, part: Part, source: Source) -> FieldReading:
    """Return an item of a part's list as one of the row's: what it lacks may stand elsewhere."""
    if isinstance(one.inner, Mapping):
        inner = {
            name: _in_row(known, one.inner[name], part, source)
            for name, known in ((known.name, known) for known in field.fields)
        }
        return replace(gather_fields(inner), signals=one.signals)
    if isinstance(one.inner, tuple):
        items = [_in_row(field.item, item, part, source) for item in one.inner]
        return replace(gather_items(field, items, one), signals=one.signals)
    if one.span is not None:
        return replace(one, span=(one.span[0] + part.start, one.span[1] + part.start))
    if one.problem != "value_not_grounded":
        return one
    settled = settle(field, one.value, source)
    return replace(one, value=settled.value, span=settled.span, problem=settled.problem)


def _has_value(one: FieldReading) -> bool:
    return one.value is not None and one.problem != "value_missing"


def _place(chosen: FieldReading, part: Part, settled: Settled) -> tuple[int, int] | None:
    """Return where a value stands in the row: in the part it is from, if it was found there."""
    if chosen.span is None or settled.span is None:
        return settled.span
    return chosen.span[0] + part.start, chosen.span[1] + part.start


def _doubt(confidence: float | None, rival: float) -> float | None:
    if not confidence:
        return confidence
    return confidence * confidence / (confidence + rival)


def _plain(value: Any) -> str:
    return fold(compact_json({"value": value})).text


def _log(probability: float) -> float:
    return max(math.log(probability), FLOOR) if probability > 0 else FLOOR


def _rank(confidence: float | None) -> float:
    return -1.0 if confidence is None else confidence
