"""How hard a row is, from 0 to 10, and the local model of its route that it begins with. Pure.

A rule of thumb in whole points, so that anybody can count them again: the kind of job, how many
labels or fields it has and how deep these are, the language, and the length of the text. Below 3
a row begins with the first local model, below 6 with one in the middle, else with the dearest
(a practice guide of February 2026 draws these lines between a small local model, a large one and
the cloud). No row begins in the cloud: it leaves only after a local answer was not kept, as
gate, policy and budget say.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from jobs.job import NewJob
from jobs.plan import estimate_tokens
from jobs.spec import Spec
from jobs.tasks.languages import CJK, SCRIPTS, SHARE

MOST: Final = 10
SMALL_BELOW: Final = 3
LARGE_BELOW: Final = 6
KIND_POINTS: Final[Mapping[str, int]] = MappingProxyType(
    {"classify": 0, "extract": 1, "translate": 1, "summarize": 1}
)
"""A label is chosen; whatever is written is harder."""
LABELS: Final = (20, 50, 100)
FIELDS: Final = (5, 10, 20)
LENGTHS: Final = (256, 512, 1024, 2048)
"""A point for each of these numbers that is exceeded: labels, fields, tokens of the text."""
CJK_LETTERS: Final = re.compile(f"[{SCRIPTS['kana']}{SCRIPTS['han']}{SCRIPTS['hangul']}]+")
LOOKED_AT_CHARS: Final = 300
"""The language of a long text is told by its beginning."""


@dataclass(frozen=True, slots=True)
class StartRule:
    """What a spec says about where its rows begin.

    `parts` are the points that all rows have, by what they are for; `fixed` is the complexity of
    every row where the spec names it.
    """

    tiers: int
    parts: Mapping[str, int]
    fixed: int | None = None

    @property
    def matters(self) -> bool:
        """Whether there is anything to choose, or to tell."""
        return self.tiers > 1 or self.fixed is not None

    @property
    def least_tier(self) -> int:
        """The cheapest tier with which a row of this spec may begin."""
        return start_tier(self, measure(self, "").number)


@dataclass(frozen=True, slots=True)
class Complexity:
    """How hard one row is: `number` from 0 to 10; `parts` sum up to it, unless it was fixed."""

    number: int
    parts: Mapping[str, int]


def rule_of(spec: Spec) -> StartRule:
    """Return the rule of a spec."""
    task = spec.task
    parts = {"kind": KIND_POINTS[task.kind]}
    labels: Sequence[Any] = getattr(task, "labels", ())
    fields: Sequence[Any] = getattr(task, "fields", ())
    if labels:
        parts["labels"] = _count(len(labels), LABELS) + bool(getattr(task, "multi_label", False))
    if fields:
        parts["fields"] = _count(_count_leaves(fields), FIELDS)
        parts["depth"] = max(map(_depth, fields))
    if str(getattr(task, "target_language", "")).partition("-")[0] in CJK:
        parts["target"] = 1
    return StartRule(len(spec.route.tiers), MappingProxyType(parts), spec.route.complexity)


def measure(rule: StartRule, text: str) -> Complexity:
    """Return how hard a row is by its text and what its spec adds."""
    if rule.fixed is not None:
        return Complexity(rule.fixed, {})
    parts = {
        **rule.parts,
        "language": int(_is_cjk(text[:LOOKED_AT_CHARS])),
        "length": _count(estimate_tokens(text), LENGTHS),
    }
    return Complexity(min(MOST, sum(parts.values())), parts)


def start_tier(rule: StartRule, complexity: int) -> int:
    """Return the number of the local tier that a row of such a complexity is asked first."""
    last = rule.tiers - 1
    if complexity < SMALL_BELOW or last == 0:
        return 0
    if complexity >= LARGE_BELOW or last == 1:
        return last
    middle = last - 1  # as many tiers lie between the first and the last
    return 1 + (complexity - SMALL_BELOW) * middle // (LARGE_BELOW - SMALL_BELOW)


def find_start(rule: StartRule) -> Callable[[NewJob], int]:
    """Return what tells the tier that a row begins at; no text is looked at where all are one."""
    if rule.tiers == 1 or rule.fixed is not None:
        first = rule.least_tier
        return lambda row: first
    return lambda row: start_tier(rule, measure(rule, row.text).number)


def describe_start(rule: StartRule, text: str) -> dict[str, Any]:
    """Return what an attempt keeps of it: the number, its parts, and the tier it led to."""
    complexity = measure(rule, text)
    told: dict[str, Any] = {"complexity": complexity.number}
    told |= {"fixed": True} if rule.fixed is not None else {"points": dict(complexity.parts)}
    return {**told, "start_tier": start_tier(rule, complexity.number)}


def _is_cjk(text: str) -> bool:
    """Whether a text is in Japanese, Chinese or Korean letters, by the share that such texts have.

    Every row that is loaded is asked this, so it is told without looking at each letter.
    """
    return not text.isascii() and len(CJK_LETTERS.sub("", text)) <= (1 - SHARE) * len(text)


def _count(number: int, limits: Sequence[int]) -> int:
    """Return how many of the limits a number exceeds."""
    return sum(number > limit for limit in limits)


def _count_leaves(fields: Sequence[Any]) -> int:
    """Return how many values a record has, those of the records in it counted once each."""
    return sum(_count_leaves(inner) if (inner := _inner(field)) else 1 for field in fields)


def _depth(field: Any) -> int:
    """Return how many levels of lists and records a field has; 0 for a plain value."""
    inner = _inner(field)
    own = int(_is_list(field)) + bool(inner)
    return own + max(map(_depth, inner), default=0)


def _is_list(field: Any) -> bool:
    return bool(getattr(field, "type", None) == "list" or getattr(field, "items", None))


def _inner(field: Any) -> Sequence[Any]:
    """Return the fields inside a record, or inside the records of a list."""
    found = getattr(field, "fields", None)
    return found if isinstance(found, tuple) else ()
