"""Every code that is raised or said anywhere has words in both languages, with its parameters."""

import ast
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import jobs
import workers
from jobs import errors
from jobs.words import LANGUAGES, Language, catalogue

ROOTS = (Path(jobs.__file__).parent, Path(workers.__file__).parent)
RAISING = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
SAYING = {"say", "words", "told"}
CODED = {
    "say_once": 1,
    "say_error": 1,
    "fail": 1,
    "_fail": 2,
    "_nothing": 0,
    "Remark": 1,
    "_make": 0,
    "_from_tokens": 0,
}
"""Functions that take a code, and where it stands among their arguments."""


def _family(stem: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{name}" for name in names)


PATTERNS = {
    "notify_{}": _family(
        "notify", "closed", "failed", "bad_rows", "budget_exhausted", "deadline_hit"
    ),
    "sum_{}": _family(
        "sum", "rows", "done", "cached", "escalated", "review", "rejected", "failed", "cancelled"
    ),
    "worker_{}": _family(
        "worker",
        "loading",
        "waiting",
        "ready",
        "failed",
        "restarting",
        "host",
        "device",
        "model",
        "file",
        "rows",
        "rate",
        "seen",
    ),
    "duplicate_id_{}": _family("duplicate_id", "same", "conflict"),
    "plan_{}": _family("plan", "no_cloud", "policy_local_only", "no_budget"),
    "price_{}": _family(
        "price",
        "model",
        "from",
        "until",
        "input",
        "output",
        "cache_read",
        "batch",
        "source",
    ),
    "models_{}": _family(
        "models",
        "name",
        "format",
        "size",
        "prepared",
        "file",
        "reading",
        "writing",
        "threads",
        "agreement",
        "raw",
    ),
    "catalogue_{}": _family(
        "catalogue",
        "name",
        "memory",
        "licence",
        "commercial",
        "japanese",
        "context",
        "tasks",
        "here",
    ),
    "commercial_{}": _family("commercial", "free", "conditions", "forbidden"),
    "origin_{}": _family("origin", "source", "revision", "sha256", "checked", "taken"),
    "checked_{}": _family("checked", "hub", "catalogue", "nothing"),
    "diff_{}": _family(
        "diff", "in_both", "same", "answer", "status", "only_left", "only_right", "other_text"
    ),
    "explain_{}": _family("explain", "items", "fields"),
    "points_{}": _family(
        "points", "kind", "labels", "fields", "depth", "target", "language", "length"
    ),
    "diff_label_{}": _family("diff_label", "from", "to", "rows"),
    "eval_{}": _family("eval", "rows", "answered", "kept", "ece", "aurc", "label", "field"),
    "eval_by_{}": _family("eval_by", "label", "field"),
    "eval_winner_{}": _family("eval_winner", "left", "right", "neither"),
    "eval_{}_line": _family("eval", "unanswered_line", "failed_checks_line", "gold_findings_line"),
    "eval_figure_{}": _family(
        "eval_figure",
        "accuracy",
        "macro_f1",
        "micro_f1",
        "exact_match",
        "row_f1",
        "field_f1",
        "record_exact",
        "row_fields",
        "nulls_right",
        "chrf",
        "chrf_rows",
        "good_rows",
        "rouge1",
        "rouge2",
        "rougeL",
    ),
    "savings_{}": _family(
        "savings",
        "month",
        "spec",
        "model",
        "rows",
        "kept",
        "escalated",
        "cost",
        "baseline",
        "saved",
        "percent",
    ),
}
"""Codes that are put together in the source -> what they can become."""


@dataclass(frozen=True)
class Use:
    """A code in the source: where it stands, and the parameters named there (None: unknown)."""

    code: str
    place: str
    params: frozenset[str] | None


def name_of(function: ast.expr) -> str:
    """The last name of what is called."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def codes_in(node: ast.expr) -> list[str]:
    """The codes an expression can be: a text, a choice of texts, or a known pattern."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.BoolOp):
        return [code for value in node.values for code in codes_in(value)]
    if isinstance(node, ast.IfExp):
        return [*codes_in(node.body), *codes_in(node.orelse)]
    if isinstance(node, ast.JoinedStr):
        pattern = "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
        return list(PATTERNS[pattern])
    return []


def uses_of(call: ast.Call, place: str) -> Iterator[Use]:
    """The codes that a call raises, says or hands on."""
    name = name_of(call.func)
    named = {keyword.arg for keyword in call.keywords}
    known = None if None in named else frozenset(filter(None, named))
    if name in RAISING | SAYING and call.args:
        yield from (Use(code, place, known) for code in codes_in(call.args[0]))
    if name in CODED and len(call.args) > CODED[name]:
        yield from (Use(code, place, None) for code in codes_in(call.args[CODED[name]]))
    for keyword in call.keywords:
        of_completion = name == "Completion" and keyword.arg == "error"
        if of_completion or keyword.arg in ("reason_code", "file_error"):
            yield from (Use(code, place, None) for code in codes_in(keyword.value))


USES = [
    use
    for root in ROOTS
    for path in sorted(root.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Call)
    for use in uses_of(node, f"{path.relative_to(root.parent)}:{node.lineno}")
]


def parameters(words: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


def test_the_scan_finds_them() -> None:
    """The source holds many codes; a scan that finds few looks in the wrong place."""
    assert len({use.code for use in USES}) > 120


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: Language) -> None:
    """No code is shown bare."""
    missing = {f"{use.place} {use.code}" for use in USES if use.code not in catalogue(language)}
    assert missing == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_parameter_is_given(language: Language) -> None:
    """Where parameters are named in the source, they fill all that the words show."""
    lacking = {
        f"{use.place} {use.code}: {sorted(wanted - use.params)}"
        for use in USES
        if use.params is not None
        and (wanted := parameters(catalogue(language).get(use.code, "")))
        and not wanted <= use.params
    }
    assert lacking == set()
