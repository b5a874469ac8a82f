"""Two saved evaluations put into words, side by side. Pure."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from jobs.deadline import show_moment
from jobs.evaluate.comparison import FEWEST_ROWS, Comparison
from jobs.evaluate.layout import (
    FigurePage,
    Section,
    Table,
    mark_of,
    show_figure,
    show_share,
)
from jobs.evaluate.page import COSTS, HASH_CHARS, ZONE, show_cost
from jobs.report.needs import Say, teller
from jobs.store.evaluations import Saved
from jobs.words import Language


def compose_comparison(
    left: Saved, right: Saved, comparison: Comparison, language: Language
) -> FigurePage:
    """Put two evaluations side by side, and say which is better."""
    told = teller(language)
    names = {"left": _name(left), "right": _name(right)}
    headline = told(f"eval_winner_{comparison.winner}", rows=comparison.rows, **names)
    notes = [told("eval_compare_note")]
    if comparison.rows < FEWEST_ROWS:
        notes.append(told("eval_compare_few", rows=comparison.rows))
    difference = Table(
        header=(told("eval_difference"), told("eval_value")),
        lines=(
            (told("eval_shared_rows"), f"{comparison.rows:,}"),
            (told("eval_score_difference"), _show_difference(comparison.score)),
            (told("eval_right_difference"), _show_difference(comparison.accuracy)),
            (told("eval_only_right", model=names["left"]), f"{comparison.only_left_right:,}"),
            (told("eval_only_right", model=names["right"]), f"{comparison.only_right_right:,}"),
        ),
    )
    means = Table(
        header=(told("eval_model"), told("eval_mean_score")),
        lines=(
            (names["left"], _maybe(asdict(comparison.left))),
            (names["right"], _maybe(asdict(comparison.right))),
        ),
        marks=(mark_of(asdict(comparison.left)), mark_of(asdict(comparison.right))),
    )
    header = (told("eval_figure"), names["left"], names["right"])
    beside = Table(header, tuple(_beside(left, right, told)))
    return FigurePage(
        language=language,
        title=told("eval_compare_title", spec=right.spec_name, file=right.file_name),
        headline=headline,
        tone="good" if comparison.winner != "neither" else "hand",
        sections=(
            Section(told("eval_difference"), (means, difference), notes=tuple(notes)),
            Section(told("eval_side_by_side"), (beside,)),
        ),
        made=told("page_made", at=show_moment(right.created_at, ZONE)),
    )


def _name(saved: Saved) -> str:
    return f"{saved.model_name} (#{saved.evaluation_id})"


def _show_difference(figure: Any) -> str:
    if figure.value is None:
        return "-"
    low, value, high = (f"{100 * one:+.1f}" for one in (figure.low, figure.value, figure.high))
    return f"{value} ({low} … {high})"


def _beside(left: Saved, right: Saved, told: Say) -> Iterator[tuple[str, str, str]]:
    both = (left.metrics, right.metrics)
    for name in dict.fromkeys(name for one in both for name in one["figures"]):
        cells = [_maybe(one["figures"].get(name)) for one in both]
        yield told(f"eval_figure_{name}"), cells[0], cells[1]
    for name in ("rows", "answered", "kept"):
        yield told(f"eval_{name}"), f"{both[0][name]:,}", f"{both[1][name]:,}"
    sure = [one["calibration"] for one in both]
    for name in ("ece", "aurc"):
        yield told(f"eval_{name}"), show_share(sure[0][name]), show_share(sure[1][name])
    coverages = [one["calibration"]["coverages"] for one in both]
    for one, other in zip(*coverages, strict=True):
        name = told("eval_coverage", accuracy=f"{100 * one['accuracy']:.0f}%")
        yield name, show_share(one["share"]), show_share(other["share"])
    yield from zip(
        (told(code) for code, _ in COSTS),
        (show_cost(left.metrics, key) for _, key in COSTS),
        (show_cost(right.metrics, key) for _, key in COSTS),
        strict=True,
    )
    for code, name in (("page_spec", "spec_hash"), ("eval_prompt", "prompt_hash")):
        yield told(code), getattr(left, name)[:HASH_CHARS], getattr(right, name)[:HASH_CHARS]
    made = [show_moment(one.created_at, ZONE) for one in (left, right)]
    yield told("eval_made"), made[0], made[1]


def _maybe(figure: Any) -> str:
    return "-" if figure is None else show_figure(figure)
