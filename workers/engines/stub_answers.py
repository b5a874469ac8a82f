"""What the stub answers: a function of the row's text and the constraint, and nothing else."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from jobs.errors import SpecError
from jobs.prompt import Finish, FreeText, JsonText, TokenScore

BYTES_PER_TOKEN: Final = 4  # plausible for English; usage only has to be stable and positive
MAX_DEPTH: Final = 20  # a schema that refers to itself has no end here

Answer = tuple[str, tuple[TokenScore, ...], Finish]


def choose_label(labels: Sequence[str], text: str) -> tuple[str, tuple[tuple[str, float], ...]]:
    """Weigh each label by a hash of label and text; equal texts get equal answers."""
    weights = [1 + _hash(label, text) % 1000 for label in labels]
    total = sum(weights)
    scores = tuple((label, weight / total) for label, weight in zip(labels, weights, strict=True))
    return max(scores, key=lambda score: score[1])[0], scores


def choose_labels(labels: Sequence[str], text: str) -> tuple[str, tuple[tuple[str, float], ...]]:
    """Give each label a probability of its own by a hash; none is 0.5, 0 or 1."""
    scores = tuple((label, (0.5 + _hash(label, text) % 1000) / 1000) for label in labels)
    applying = [label for label, probability in scores if probability > 0.5]
    return json.dumps(applying, ensure_ascii=False), scores


def write_text(constraint: FreeText, text: str) -> Answer:
    """Repeat the row's first words, one token each, up to a stop string."""
    words = _clean(text).split()[: constraint.max_tokens]
    answer = " ".join(words)
    cuts = [at for stop in constraint.stop if stop and (at := answer.find(stop)) >= 0]
    answer = answer[: min(cuts)] if cuts else answer
    size = len(answer.encode())
    ends = accumulate(len(word.encode()) + 1 for word in words)  # the last has no space behind it
    bounds = [0, *(min(end, size) for end in ends)]
    return answer, _score(answer, bounds), "stop"


def write_json(constraint: JsonText, text: str) -> Answer:
    """Write the smallest instance of the schema; cut if it is longer than `max_tokens`."""
    instance = make_instance(json.loads(constraint.schema), _clean(text))
    answer = json.dumps(instance, ensure_ascii=False, separators=(",", ":"))
    size = len(answer.encode())
    bounds = [*range(0, size, BYTES_PER_TOKEN), size]
    scores = _score(answer, bounds)
    if len(scores) > constraint.max_tokens:
        return cut((answer, scores, "length"), constraint.max_tokens)
    return answer, scores, "stop"


def cut(answer: Answer, tokens: int) -> Answer:
    """Return the beginning of an answer as if it had been cut after `tokens` tokens."""
    text, scores, _ = answer
    end = scores[tokens - 1].end if tokens else 0
    kept = text.encode()[:end].decode("utf-8", "ignore")
    size = len(kept.encode())
    short = tuple(
        TokenScore(min(score.start, size), min(score.end, size), score.logprob)
        for score in scores[:tokens]
    )
    return kept, short, "length"


def check_schema(schema: str) -> None:
    """Raise `SpecError` (`schema_unusable`) for a schema that `make_instance` cannot meet."""
    try:
        make_instance(json.loads(schema), "")
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise SpecError("schema_unusable", problem=type(error).__name__) from None


def make_instance(schema: Mapping[str, Any], text: str) -> Any:
    """Return the smallest instance of a JSON Schema; where there is a choice, by a hash of `text`.

    Knows objects, arrays, strings (a word of the text), numbers, integers, booleans, null, enum,
    const, anyOf, oneOf, lists of types, and references into the schema. Raises `ValueError`.
    """
    return _make(schema, schema, text, MAX_DEPTH)


def _make(schema: Mapping[str, Any], root: Mapping[str, Any], text: str, depth: int) -> Any:
    chosen = _choose_schema(schema, root, text, depth)
    if "const" in chosen:
        return chosen["const"]
    if "enum" in chosen:
        return _pick(chosen["enum"], text)
    kind = chosen.get("type", "object")
    kind = _pick(kind, text) if isinstance(kind, list) else kind
    if kind == "object":
        parts = chosen.get("properties", {})
        names = chosen.get("required", ())
        return {name: _make(parts.get(name, {}), root, text, depth - 1) for name in names}
    if kind == "array":
        item = chosen.get("items", {})
        return [_make(item, root, text, depth - 1) for _ in range(chosen.get("minItems", 0))]
    return _make_scalar(kind, chosen, text)


def _choose_schema(
    schema: Mapping[str, Any], root: Mapping[str, Any], text: str, depth: int
) -> Mapping[str, Any]:
    """Follow references and take one of every anyOf and oneOf."""
    for _ in range(depth):
        options = schema.get("anyOf") or schema.get("oneOf")
        if "$ref" in schema:
            schema = _resolve(root, schema["$ref"])
        elif options:
            schema = _pick(options, text)
        else:
            return schema
    raise ValueError


def _make_scalar(kind: str, schema: Mapping[str, Any], text: str) -> Any:
    if kind == "string":
        word = _pick(text.split() or [""], text)
        return word[: schema.get("maxLength")].ljust(schema.get("minLength", 0), "x")
    if kind in {"integer", "number"}:
        return _make_number(schema, whole=kind == "integer")
    if kind == "boolean":
        return _pick([False, True], text)
    if kind == "null":
        return None
    raise ValueError


def _make_number(schema: Mapping[str, Any], *, whole: bool) -> float:
    """Return the number nearest to 0 within the bounds."""
    step = 1 if whole else 1e-6
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    low = max(low, schema.get("exclusiveMinimum", -math.inf) + step)
    high = min(high, schema.get("exclusiveMaximum", math.inf) - step)
    if whole:
        low = math.ceil(low) if math.isfinite(low) else low
        high = math.floor(high) if math.isfinite(high) else high
    if low > high:
        raise ValueError
    nearest: float = min(max(0, low), high)
    return nearest


def _resolve(root: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    place: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        place = place[name.replace("~1", "/").replace("~0", "~")] if name else place
    found: Mapping[str, Any] = place
    return found


def _pick(choices: Sequence[Any], text: str) -> Any:
    return choices[_hash("", text) % len(choices)]  # none to choose from: ZeroDivisionError


def _score(answer: str, bounds: Sequence[int]) -> tuple[TokenScore, ...]:
    """Give every token a log-probability between -2 and 0, by a hash of answer and place."""
    return tuple(
        TokenScore(start, end, -2 * (_hash(str(start), answer) % 1000) / 1000)
        for start, end in pairwise(bounds)
    )


def _clean(text: str) -> str:
    """Return what of the text has bytes in UTF-8 (lone surrogates become "?")."""
    return text.encode("utf-8", "replace").decode()


def _hash(name: str, text: str) -> int:
    content = name.encode() + b"\0" + text.encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())
