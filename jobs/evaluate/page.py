"""Saved evaluations put into words: one page each. Pure.

Only counts, names of labels, fields, columns and groups, ids and codes are shown, never what
stands in a row.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, Literal

from jobs.deadline import show_moment
from jobs.evaluate.layout import (
    FigurePage,
    Plot,
    Section,
    Table,
    mark_of,
    show_figure,
    show_share,
)
from jobs.report.needs import Say, teller
from jobs.store.evaluations import Saved
from jobs.words import Language

SHOWN_LINES: Final = 200
SHOWN_CONFUSIONS: Final = 15
HASH_CHARS: Final = 12
ZONE: Final = "UTC"


def compose_evaluation(saved: Saved, language: Language) -> FigurePage:
    """Put one evaluation into words."""
    told, metrics = teller(language), saved.metrics
    shown = metrics["figures"][metrics["headline"]]
    headline = told(
        "eval_headline",
        model=saved.model_name,
        figure=told(f"eval_figure_{metrics['headline']}"),
        value=show_figure(shown),
        rows=metrics["rows"],
    )
    parts = (_figures, _confidence, _ends, _cost, _classes, _confusions, _groups, _blocked, _facts)
    sections = tuple(section for part in parts for section in part(saved, told))
    tone: Literal["good", "hand"] = "good" if metrics["kept"] == metrics["rows"] else "hand"
    return FigurePage(
        language=language,
        title=told("eval_title", spec=saved.spec_name, file=saved.file_name),
        headline=headline,
        tone=tone,
        sections=sections,
        made=told("page_made", at=show_moment(saved.created_at, ZONE)),
    )


def _figures(saved: Saved, told: Say) -> Iterator[Section]:
    figures = saved.metrics["figures"]
    header = (told("eval_figure"), told("eval_value"))
    lines = tuple((told(f"eval_figure_{name}"), show_figure(one)) for name, one in figures.items())
    notes = [told("eval_interval_note")]
    if saved.metrics["bar"] is not None:
        notes.append(told("eval_bar_note", bar=show_share(saved.metrics["bar"])))
    marks = tuple(mark_of(one) for one in figures.values())
    yield Section(told("eval_quality"), (Table(header, lines, marks),), notes=tuple(notes))


def _confidence(saved: Saved, told: Say) -> Iterator[Section]:
    found = saved.metrics["calibration"]
    header = (told("eval_figure"), told("eval_value"))
    lines = [(told("eval_known"), f"{found['known']:,} / {found['rows']:,}")]
    if not found["known"]:
        notes: tuple[str, ...] = (told("eval_no_confidence"),)
        yield Section(told("page_confidence"), (Table(header, tuple(lines)),), notes=notes)
        return
    lines.append((told("eval_ece"), show_share(found["ece"])))
    if found["field_ece"] is not None:
        lines.append((told("eval_field_ece"), show_share(found["field_ece"])))
    lines.append((told("eval_aurc"), show_share(found["aurc"])))
    for one in found["coverages"]:
        name = told("eval_coverage", accuracy=f"{100 * one['accuracy']:.0f}%")
        at = "" if one["threshold"] is None else f" (>= {one['threshold']:.4f})"
        lines.append((name, show_share(one["share"]) + at))
    notes = (told("eval_coverage_note"), told("eval_ece_note"))
    plots = tuple(_plots(found, told))
    yield Section(told("page_confidence"), (Table(header, tuple(lines)),), plots, notes)


def _plots(found: Mapping[str, Any], told: Say) -> Iterator[Plot]:
    known = found["known"]
    ece, aurc = show_share(found["ece"]), show_share(found["aurc"])
    yield Plot(
        title=told("eval_reliability"),
        x=told("eval_mean_confidence"),
        y=told("eval_share_right"),
        summary=told("eval_reliability_summary", bins=len(found["bins"]), ece=ece),
        dots=tuple((one["confidence"], one["right"], one["rows"] / known) for one in found["bins"]),
        diagonal=True,
    )
    yield Plot(
        title=told("eval_risk_curve"),
        x=told("eval_share_kept"),
        y=told("eval_share_wrong"),
        summary=told("eval_risk_summary", aurc=aurc),
        line=tuple((one[0], one[1]) for one in found["risk_curve"]),
    )


def _ends(saved: Saved, told: Say) -> Iterator[Section]:
    metrics = saved.metrics
    lines = [(told(f"eval_{name}"), f"{metrics[name]:,}") for name in ("rows", "answered", "kept")]
    for group in ("unanswered", "failed_checks", "gold_findings"):
        for code, count in metrics[group].items():
            lines.append((told(f"eval_{group}_line", reason=code), f"{count:,}"))
    if metrics["gold_left_out"]:
        lines.append((told("eval_gold_left_out"), f"{metrics['gold_left_out']:,}"))
    rejected = metrics["cost"]["rejected"]
    if rejected:
        lines.append((told("eval_rejected"), f"{rejected:,}"))
    header = (told("eval_rows_are"), told("eval_rows"))
    notes = (told("eval_unanswered_note"),)
    yield Section(told("eval_answers"), (Table(header, tuple(lines)),), notes=notes)


COSTS: Final = (
    ("eval_rows_per_second", "rows_per_second"),
    ("eval_rows_per_device_second", "rows_per_device_second"),
    ("eval_cost_local", "local_usd"),
    ("eval_cost_cloud", "cloud_usd"),
    ("eval_cost_row", "usd_per_row"),
    ("eval_cost_thousand", "usd_per_1000_rows"),
)


def show_cost(metrics: Mapping[str, Any], key: str) -> str:
    """Return a figure of speed or money as it is shown."""
    value = metrics["cost"][key]
    if value is None:
        return "-"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value} USD"


def _cost(saved: Saved, told: Say) -> Iterator[Section]:
    lines = tuple((told(code), show_cost(saved.metrics, key)) for code, key in COSTS)
    header = (told("eval_figure"), told("eval_value"))
    yield Section(told("eval_speed_cost"), (Table(header, lines),), notes=(told("eval_cost_note"),))


def _classes(saved: Saved, told: Say) -> Iterator[Section]:
    classes = saved.metrics["classes"]
    if not classes:
        return
    kind = "field" if saved.task == "extract" else "label"
    codes = ("eval_in_gold", "eval_in_answers", "eval_precision", "eval_recall", "eval_f1")
    lines = tuple(
        (
            one["name"],
            f"{one['gold']:,}",
            f"{one['answers']:,}",
            *(show_share(one[name]) for name in ("precision", "recall", "f1")),
        )
        for one in classes[:SHOWN_LINES]
    )
    header = (told(f"eval_{kind}"), *(told(code) for code in codes))
    yield Section(told(f"eval_by_{kind}"), (Table(header, lines),))


def _confusions(saved: Saved, told: Say) -> Iterator[Section]:
    found = saved.metrics["confusions"][:SHOWN_CONFUSIONS]
    if not found:
        return
    header = (told("eval_gold"), told("eval_answer"), told("eval_rows"))
    lines = tuple((one["gold"], one["answer"], f"{one['rows']:,}") for one in found)
    yield Section(told("eval_confusions"), (Table(header, lines),))


def _groups(saved: Saved, told: Say) -> Iterator[Section]:
    by_column: dict[str, list[Mapping[str, Any]]] = {}
    for one in saved.metrics["groups"]:
        by_column.setdefault(one["column"], []).append(one)
    tables = []
    for column, found in by_column.items():
        header = (column, told("eval_rows"), told("eval_share_right"), told("eval_mean_score"))
        lines = tuple(
            (
                one["value"] or "-",
                f"{one['rows']:,}",
                show_figure(one["right"]),
                show_figure(one["score"]),
            )
            for one in found
        )
        tables.append(Table(header, lines, tuple(mark_of(one["score"]) for one in found)))
    if tables:
        yield Section(told("eval_by_group"), tuple(tables))


def _blocked(saved: Saved, told: Say) -> Iterator[Section]:
    found = saved.metrics["blocklist"]
    if found is None:
        return
    header = (told("eval_blocked_word"), told("eval_times"))
    lines = tuple((word, f"{times:,}") for word, times in found["counts"][:SHOWN_LINES])
    note = told("eval_blocked_note", rows=found["rows"], words=found["words"])
    tables = (Table(header, lines),) if lines else ()
    yield Section(told("eval_blocked"), tables, notes=(note,))


def _facts(saved: Saved, told: Say) -> Iterator[Section]:
    short = partial(_cut, chars=HASH_CHARS)
    lines = (
        (told("eval_id"), str(saved.evaluation_id)),
        (told("page_batch"), saved.batch_id),
        (told("page_file"), f"{saved.file_name} ({short(saved.file_hash)})"),
        (told("eval_gold_column"), saved.gold_column),
        (told("page_spec"), f"{saved.spec_name} ({short(saved.spec_hash)})"),
        (told("eval_model"), f"{saved.model_name} ({short(saved.model_hash) or '-'})"),
        (told("eval_prompt"), short(saved.prompt_hash)),
    )
    yield Section(told("eval_what"), (Table((told("eval_figure"), told("eval_value")), lines),))


def _cut(text: str, *, chars: int) -> str:
    return text[:chars]
