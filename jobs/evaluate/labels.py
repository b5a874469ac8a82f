"""Classifications against their gold labels, single and multi.

Accuracy is the share of rows whose labels are exactly the gold ones (for `multi_label` that is
the exact match). Macro F1 is the mean of the labels' F1 over the labels that occur in gold or
answers; micro F1 is that of all decisions together. A row without answer said nothing: it takes
away recall, not precision.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from jobs.evaluate.gold import OTHER, Labels, name_labels
from jobs.evaluate.intervals import Numbers, Places, bootstrap, bootstrap_mean, wilson
from jobs.evaluate.rows import (
    AnsweredRow,
    ClassLine,
    Confusion,
    Figure,
    Measured,
    RowScore,
    score_row,
)

NOTHING: Final = "-"
"""Stands for no answer among the confusions."""
MOST_CONFUSIONS: Final = 50


def measure_labels(
    rows: Sequence[tuple[AnsweredRow, frozenset[str]]], labels: Labels, *, multi: bool
) -> Measured:
    """Compare the answers of rows with their gold labels."""
    pairs = [(gold, answered_labels(row.output, labels)) for row, gold in rows]
    scores = [_score(row, gold, said) for (row, _), (gold, said) in zip(rows, pairs, strict=True)]
    names = sorted({name for gold, said in pairs for name in (*gold, *(said or ()))})
    hits, golds, answers = _count_by_label(pairs, names)
    figures: dict[str, Figure] = {}
    exact = wilson(sum(one.right for one in scores), len(scores))
    figures["exact_match" if multi else "accuracy"] = exact

    def macro(places: Places) -> float | None:
        return macro_f1(hits[places], golds[places], answers[places])

    def micro(places: Places) -> float | None:
        counts = (table[places].sum() for table in (hits, golds, answers))
        return _f1(*(float(one) for one in counts))

    figures["macro_f1"] = bootstrap(len(pairs), macro)
    if multi:
        figures["micro_f1"] = bootstrap(len(pairs), micro)
        figures["row_f1"] = bootstrap_mean([one.score for one in scores])
    return Measured(
        headline="exact_match" if multi else "accuracy",
        figures=figures,
        scores=scores,
        classes=list_classes(names, hits.sum(0), golds.sum(0), answers.sum(0)),
        confusions=() if multi else find_confusions(pairs),
    )


def answered_labels(output: Mapping[str, Any] | None, labels: Labels) -> frozenset[str] | None:
    """Return the labels of an answer, None if there is none; a label unknown to the spec, or
    none where one is asked for, is "none of these"."""
    if output is None:
        return None
    multi = "labels" in output
    said = output["labels"] if multi else [output.get("label")]
    found = name_labels((OTHER if one is None else str(one) for one in said), labels, multi=multi)
    return frozenset(one if labels.has(one) else OTHER for one in found)


def _score(row: AnsweredRow, gold: frozenset[str], said: frozenset[str] | None) -> RowScore:
    if said is None:
        return score_row(row, 0.0, right=False)
    f1 = 1.0 if gold == said else _f1(len(gold & said), len(gold), len(said)) or 0.0
    return score_row(row, f1, right=gold == said)


def _count_by_label(
    pairs: Sequence[tuple[frozenset[str], frozenset[str] | None]], names: Sequence[str]
) -> tuple[Numbers, Numbers, Numbers]:
    """Return tables of rows x labels: hits, gold, answers."""
    at = {name: number for number, name in enumerate(names)}
    hits, golds, answers = (np.zeros((len(pairs), len(names))) for _ in range(3))
    for number, (gold, said) in enumerate(pairs):
        golds[number, [at[name] for name in gold]] = 1
        answers[number, [at[name] for name in said or ()]] = 1
        hits[number, [at[name] for name in gold & (said or frozenset())]] = 1
    return hits, golds, answers


def macro_f1(hits: Numbers, golds: Numbers, answers: Numbers) -> float | None:
    """Return the mean F1 of the labels that occur; None if none does.

    2 x hits / (gold + answers) is the harmonic mean of precision and recall.
    """
    both = golds.sum(0) + answers.sum(0)
    occurs = both > 0
    if not occurs.any():
        return None
    return float((2 * hits.sum(0)[occurs] / both[occurs]).mean())


def list_classes(
    names: Iterable[str], hits: Numbers, golds: Numbers, answers: Numbers
) -> tuple[ClassLine, ...]:
    """Return the line of each label or field."""
    counts = zip(names, hits.tolist(), golds.tolist(), answers.tolist(), strict=True)
    return tuple(
        ClassLine(
            name=name,
            gold=round(gold),
            answers=round(said),
            precision=hit / said if said else None,
            recall=hit / gold if gold else None,
            f1=_f1(hit, gold, said),
        )
        for name, hit, gold, said in counts
    )


def _f1(hits: float, gold: float, answers: float) -> float | None:
    return 2 * hits / (gold + answers) if gold + answers else None


def find_confusions(
    pairs: Iterable[tuple[frozenset[str], frozenset[str] | None]],
) -> tuple[Confusion, ...]:
    """Return which label stood for which, most frequent first."""
    counts = Counter(
        (next(iter(gold)), NOTHING if said is None else next(iter(said)))
        for gold, said in pairs
        if gold != said
    )
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Confusion(*names, rows) for names, rows in ordered[:MOST_CONFUSIONS])
