"""Where an attempt's confidence comes from: said in words, and computed again from its signals.

Pure. The numbers are those of the tasks: a label's probability, a low quantile of the tokens of a
text, the least likely token of a field. A form that is not known here is said to be unknown.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from jobs.words import Language, say

TOLERANCE: Final = 2e-6
"""Signals are kept with six decimals."""
SHOWN_NEXT: Final = 1
Signals = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A code of `jobs.words` and what fills it."""

    code: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an attempt is as sure as it is.

    `recomputed` is the confidence as its signals give it, None where they give none; `matches`
    says whether that is the number that stands in SQL, None if there is none to be compared.
    """

    sentences: tuple[Sentence, ...]
    recomputed: float | None = None
    matches: bool | None = None

    def say(self, language: Language) -> list[str]:
        """Return the sentences in a language."""
        return [say(one.code, language, **_fill(one.params, language)) for one in self.sentences]


def _fill(params: Mapping[str, object], language: Language) -> dict[str, object]:
    """Return what fills a sentence; points are named in its language."""
    points = params.get("points")
    if not isinstance(points, Mapping):
        return dict(params)
    named = [f"{say(f'points_{name}', language)} {number}" for name, number in points.items()]
    return {**params, "points": ", ".join(named)}


class _UnknownFormError(Exception):
    """The signals have a form that is not known here."""


def explain(task: str, attempt: Mapping[str, Any]) -> Explanation:
    """Explain a line of `fct_attempts`, with its `fields` where it has any; never raises."""
    head = [*_say_cached(attempt), *_say_route(attempt)]
    tail: list[Sentence] = []
    stored = attempt.get("confidence")
    try:
        recomputed, told = _explain(task, attempt)
        matches = _compare(stored, recomputed)
    except (_UnknownFormError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return Explanation((*head, _make("explain_unknown")))
    if matches is False:
        tail = [_make("explain_mismatch", stored=_show(stored), found=_show(recomputed))]
    return Explanation((*head, *told, *tail), recomputed, matches)


def _compare(stored: float | None, found: float | None) -> bool | None:
    """Tell whether two numbers are the same but for rounding; None if neither is known."""
    if stored is None or found is None:
        return None if stored is found else False
    return math.isclose(stored, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _explain(task: str, attempt: Mapping[str, Any]) -> tuple[float | None, list[Sentence]]:
    """Return the confidence that the signals give, and how."""
    signals: Signals = attempt.get("signals") or {}
    if attempt.get("output") is None:
        return None, [_make("explain_no_answer")]
    if "fields" in signals:
        return _explain_fields(attempt, signals)
    if attempt.get("confidence_source") == "none":
        cloud = attempt.get("kind") == "cloud"
        return None, [_make("explain_cloud" if cloud else "explain_no_scores")]
    if task == "classify":
        return _explain_labels(attempt, signals)
    return _explain_text(signals)


def _explain_text(signals: Signals) -> tuple[float, list[Sentence]]:
    """A text is as sure as its less likely tokens; by parts, as the least sure part or round."""
    if "round_confidences" in signals:
        rounds = signals["round_confidences"]
        number = min(rounds)
        shown = ", ".join(map(_show, rounds))
        return number, [_make("explain_rounds", confidence=_show(number), rounds=shown)]
    if "q10" not in signals:
        raise _UnknownFormError
    number = math.exp(signals["q10"])
    return number, [_from_tokens("explain_text", number, signals, "q10"), *_say_parts(signals)]


def _explain_labels(attempt: Mapping[str, Any], signals: Signals) -> tuple[float, list[Sentence]]:
    """What was written is as likely as its tokens; else the labels' own probabilities tell."""
    label = attempt.get("label")
    if "sum" in signals:
        number = math.exp(signals["sum"])
        told = _from_tokens("explain_label_written", number, signals, "sum")
        return number, [told, *_say_parts(signals)]
    if "shares" in signals:
        number = signals["shares"][label]
        return number, [_make("explain_shares", confidence=_show(number), label=label)]
    if "probabilities" not in signals:
        raise _UnknownFormError
    if label is None:
        return _explain_label_set(attempt, signals["probabilities"])
    return _explain_choice(label, signals)


def _say_parts(signals: Signals) -> list[Sentence]:
    parts = signals.get("parts")
    return [] if parts is None else [_make("explain_parts", parts=parts)]


def _explain_choice(label: str, signals: Signals) -> tuple[float, list[Sentence]]:
    probabilities: Mapping[str, float] = signals["probabilities"]
    number = probabilities[label]
    others = sorted(
        ((value, name) for name, value in probabilities.items() if name != label), reverse=True
    )
    told = [
        _make(
            "explain_label",
            confidence=_show(number),
            label=label,
            count=len(probabilities),
        )
    ]
    told += [
        _make("explain_next", label=name, probability=_show(value))
        for value, name in islice(others, SHOWN_NEXT)
    ]
    calibrated = signals.get("calibration")
    if isinstance(calibrated, dict):
        raw = _show(signals["raw_probabilities"][label])
        told.append(_make("explain_calibrated", label=label, raw=raw, rows=calibrated["rows"]))
    if signals.get("unopened"):
        told.append(_make("explain_unopened", probability=_show(signals["unopened"])))
    if signals.get("parts"):
        told.append(_make("explain_label_parts", parts=signals["parts"]))
    return number, told


def _explain_label_set(
    attempt: Mapping[str, Any], probabilities: Mapping[str, float]
) -> tuple[float, list[Sentence]]:
    """Each label is decided by itself; the answer is as sure as the least sure decision."""
    chosen = set(attempt["output"]["labels"])
    if not chosen <= set(probabilities):
        raise _UnknownFormError
    sure = {name: value if name in chosen else 1 - value for name, value in probabilities.items()}
    least = min(sure, key=lambda name: sure[name])
    code = "explain_label_taken" if least in chosen else "explain_label_left"
    number = sure[least]
    return number, [_make(code, confidence=_show(number), label=least, count=len(sure))]


def _explain_fields(
    attempt: Mapping[str, Any], signals: Signals
) -> tuple[float | None, list[Sentence]]:
    """A record is as sure as its least sure field; one that is unknown makes it unknown."""
    lines: Mapping[str, Mapping[str, Any]] = attempt.get("fields") or {}
    told: list[Sentence] = []
    found: dict[str, float | None] = {}
    for name in lines or signals["fields"]:
        line = lines.get(name)
        if line is not None and line.get("tier") != attempt.get("tier"):
            found[name] = line.get("confidence")
            told.append(_make("explain_field_kept", field=name, tier=line.get("tier")))
            continue
        found[name], sentence = _explain_field(name, signals["fields"].get(name) or {})
        if line is not None and line.get("confidence") is None:
            found[name] = None
            sentence = _make("explain_field_no_scores", field=name)
        told.append(sentence)
        told += _compare_field(name, line, found[name])
    unknown = [name for name, value in found.items() if value is None]
    cloud = attempt.get("kind") == "cloud"
    if unknown or not found:
        if cloud and len(unknown) == len(found):
            return None, [_make("explain_cloud")]
        return None, [_make("explain_record_unknown", fields=", ".join(unknown)), *told]
    least = min(found, key=lambda name: found[name] or 0.0)
    number = found[least]
    if cloud and attempt.get("confidence") is None:
        return None, [_make("explain_cloud"), *told]
    return number, [
        _make("explain_record", confidence=_show(number), field=least, count=len(found)),
        *told,
    ]


def _explain_field(name: str, signals: Signals) -> tuple[float | None, Sentence]:
    number = _weigh(signals)
    if number is None:
        return None, _make("explain_field_no_scores", field=name)
    shown = {"field": name, "confidence": _show(number)}
    for inside in ("items", "fields"):
        if signals.get(inside):
            least = _weigh({inside: signals[inside]})
            code = f"explain_{inside}" if least == number else "explain_field_part"
            return number, _make(code, count=len(signals[inside]), **shown)
    shown |= {"tokens": signals["tokens"], "log": _show(signals["min"])}
    if "rival" not in signals:
        return number, _make("explain_field", **shown)
    return number, _make("explain_field_rival", rival=_show(signals["rival"]), **shown)


def _weigh(signals: Signals) -> float | None:
    """Return how sure a value is, from its own tokens or the values inside; None if unknown."""
    inside = signals.get("fields") or signals.get("items") or ()
    values = [_weigh(one) for one in (inside.values() if isinstance(inside, dict) else inside)]
    if not signals or None in values:
        return None
    if "min" in signals:
        own = math.exp(signals["min"])
        rival = signals.get("rival", 0.0)
        values.append(own * own / (own + rival) if own else own)
    known = [value for value in values if value is not None]
    if not known:
        raise _UnknownFormError
    return min(known)


def _compare_field(
    name: str, line: Mapping[str, Any] | None, number: float | None
) -> Iterator[Sentence]:
    stored = None if line is None else line.get("confidence")
    if stored is not None and number is not None and not _compare(stored, number):
        yield _make("explain_field_mismatch", field=name, stored=_show(stored), found=_show(number))


def _say_cached(attempt: Mapping[str, Any]) -> list[Sentence]:
    return [_make("explain_cached")] if attempt.get("kind") == "cache" else []


def _say_route(attempt: Mapping[str, Any]) -> list[Sentence]:
    """Say with which tier the row began, and why."""
    signals = attempt.get("signals") or {}
    route = signals.get("route")
    if not isinstance(route, dict) or not {"complexity", "start_tier"} <= set(route):
        return []
    named = isinstance(route.get("points"), dict)
    return [_make("explain_route" if named else "explain_route_fixed", **route)]


def _from_tokens(code: str, number: float, signals: Signals, key: str) -> Sentence:
    return _make(code, confidence=_show(number), tokens=signals["tokens"], log=_show(signals[key]))


def _show(number: object) -> str:
    return f"{number:.4g}" if isinstance(number, int | float) else "-"


def _make(code: str, **params: object) -> Sentence:
    return Sentence(code, params)
