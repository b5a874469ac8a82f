"""An evaluation: the rows of one ended batch against their gold column. Pure.

Every row of the batch with a readable gold value counts. One without an answer is wrong, and is
counted by the code of its reason; one whose answer failed a check is measured with that answer
and counted as a failed check. Records that were no rows (rejects) are counted beside them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, TypeVar

from jobs.errors import SettingError
from jobs.evaluate import gold as golds
from jobs.evaluate.blocklist import Blocked, count_blocked
from jobs.evaluate.calibration import Calibration, calibrate
from jobs.evaluate.fields import measure_fields
from jobs.evaluate.gold import Finding, GoldError
from jobs.evaluate.intervals import bootstrap_mean, wilson
from jobs.evaluate.labels import measure_labels
from jobs.evaluate.rows import AnsweredRow, Figure, Measured, RowScore
from jobs.evaluate.texts import BARS, measure_summaries, measure_translations
from jobs.spec import ClassifyTask, ExtractTask, Spec, TranslateTask

FORM: Final = 1
"""The version of the metrics' form; it is saved with them."""
PAIR: Final = "source_lang > target_lang"
MOST_GROUPS: Final = 100
NAMED_FINDINGS: Final = 1_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """How to measure: `bar` is the score from which a text is right, None for the task's own."""

    groups: tuple[str, ...] = ()
    gold_other: str | None = None
    bar: float | None = None
    blocklist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupLine:
    """The rows that agree in a column: share right and mean score."""

    column: str
    value: str
    rows: int
    right: Figure
    score: Figure


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one batch; `rows` are those scored."""

    task: str
    rows: int
    answered: int
    kept: int
    unanswered: Mapping[str, int]
    failed_checks: Mapping[str, int]
    findings: tuple[Finding, ...]
    left_out: int
    bar: float | None
    measured: Measured
    calibration: Calibration
    groups: tuple[GroupLine, ...]
    blocked: Blocked | None

    def as_data(self) -> dict[str, Any]:
        """Return the figures as plain data, without the rows' own scores."""
        measured = self.measured
        return {
            "form": FORM,
            "task": self.task,
            "rows": self.rows,
            "answered": self.answered,
            "kept": self.kept,
            "unanswered": dict(self.unanswered),
            "failed_checks": dict(self.failed_checks),
            "gold_left_out": self.left_out,
            "gold_findings": golds.count_codes(self.findings),
            "bar": self.bar,
            "headline": measured.headline,
            "figures": {name: asdict(one) for name, one in measured.figures.items()},
            "classes": [asdict(one) for one in measured.classes],
            "confusions": [asdict(one) for one in measured.confusions],
            "calibration": asdict(self.calibration),
            "groups": [asdict(one) for one in self.groups],
            "blocklist": None if self.blocked is None else asdict(self.blocked),
        }

    def as_scores(self) -> list[list[Any]]:
        """Return [source_id, score, right] of every row, in the order of the file."""
        scores = self.measured.scores
        return [[one.source_id, round(one.score, 6), int(one.right)] for one in scores]


def evaluate(spec: Spec, rows: Iterable[AnsweredRow], wish: Wish) -> Evaluation:
    """Measure a batch's rows; raises SettingError where no gold value can be read at all."""
    task = spec.task
    counted = list(rows)
    bar = None
    if isinstance(task, ClassifyTask):
        labels = golds.labels_of(task, wish.gold_other)
        multi = bool(getattr(task, "multi_label", False))
        named, findings = _read_labels(counted, labels, multi=multi)
        measured = measure_labels(named, labels, multi=multi)
    elif isinstance(task, ExtractTask):
        records, findings = _read(counted, lambda text: golds.read_fields(text, task))
        measured = measure_fields(records, task)
    else:
        is_translation = isinstance(task, TranslateTask)
        bar = BARS[task.kind] if wish.bar is None else wish.bar
        texts, findings = _read(counted, golds.read_text if is_translation else golds.read_summary)
        measure = measure_translations if is_translation else measure_summaries
        measured = measure(texts, bar)
    return _assemble(task.kind, counted, findings, measured, wish, bar)


def check_gold(spec: Spec, rows: Iterable[AnsweredRow], wish: Wish) -> None:
    """Refuse a gold column of which nothing fits, before a row is answered.

    Raises SettingError.
    """
    task = spec.task
    counted = list(rows)
    if isinstance(task, ClassifyTask):
        labels = golds.labels_of(task, wish.gold_other)
        _read_labels(counted, labels, multi=bool(getattr(task, "multi_label", False)))
    elif isinstance(task, ExtractTask):
        _read(counted, lambda text: golds.read_fields(text, task))
    else:
        _read(counted, golds.read_text)


def _read_labels(
    rows: Sequence[AnsweredRow], labels: golds.Labels, *, multi: bool
) -> tuple[list[tuple[AnsweredRow, frozenset[str]]], list[Finding]]:
    """Read gold labels; one that the spec does not have is a finding, but its row is scored."""
    readable, findings = _read(rows, lambda text: golds.read_labels(text, labels, multi=multi))
    findings += [
        Finding(row.row_number, row.source_id, "gold_label_unknown", {})
        for row, found in readable
        if not all(labels.has(label) for label in found)
    ]
    _refuse_all_unfit(rows, findings)
    return readable, sorted(findings, key=lambda one: one.row_number)


def _read(
    rows: Sequence[AnsweredRow], read: Callable[[str], T]
) -> tuple[list[tuple[AnsweredRow, T]], list[Finding]]:
    """Part the rows whose gold value can be read from findings about the others."""
    readable: list[tuple[AnsweredRow, T]] = []
    findings: list[Finding] = []
    for row in rows:
        try:
            readable.append((row, read(row.gold)))
        except GoldError as error:
            findings.append(Finding(row.row_number, row.source_id, error.code, error.params))
    _refuse_all_unfit(rows, findings)
    return readable, findings


def _refuse_all_unfit(rows: Sequence[AnsweredRow], findings: Sequence[Finding]) -> None:
    """A gold column of which nothing fits belongs to another task, or is the wrong one."""
    if not rows:
        raise SettingError("evaluate_no_rows")
    if len(findings) >= len(rows):
        raise SettingError("gold_nothing_fits", rows=len(rows), finding=findings[0].code)


def _assemble(
    kind: str,
    rows: Sequence[AnsweredRow],
    findings: Sequence[Finding],
    measured: Measured,
    wish: Wish,
    bar: float | None,
) -> Evaluation:
    scored = {one.row_number for one in measured.scores}
    counted = [row for row in rows if row.row_number in scored]
    blocked = None
    if wish.blocklist:
        said = (text for row in counted for text in _texts(row.output))
        blocked = count_blocked(said, wish.blocklist)
    return Evaluation(
        task=kind,
        rows=len(counted),
        answered=sum(row.output is not None for row in counted),
        kept=sum(row.kept for row in counted),
        unanswered=_count(row for row in counted if row.output is None),
        failed_checks=_count(row for row in counted if row.output is not None and not row.kept),
        findings=tuple(findings),
        left_out=len(rows) - len(counted),
        bar=bar,
        measured=measured,
        calibration=calibrate(measured.scores, measured.field_scores),
        groups=tuple(_group(measured.scores, wish.groups)),
        blocked=blocked,
    )


def _count(rows: Iterable[AnsweredRow]) -> dict[str, int]:
    return dict(Counter(row.reason_code for row in rows).most_common())


def _texts(output: Any) -> list[str]:
    """Return an answer as one text, so that a row counts once however it is made up."""
    return [] if output is None else ["\n".join(_strings(output))]


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)


def _group(scores: Sequence[RowScore], columns: Sequence[str]) -> Iterable[GroupLine]:
    """Yield the lines of each column that says anything, the largest groups first."""
    for column in columns:
        yield from _group_by(scores, column, partial(_value_of, column))
    if {"source_lang", "target_lang"} <= set(columns):
        yield from _group_by(scores, PAIR, _pair_of)


def _value_of(column: str, one: RowScore) -> str:
    return one.groups.get(column, "")


def _pair_of(one: RowScore) -> str:
    source, target = (one.groups.get(name, "") for name in ("source_lang", "target_lang"))
    return f"{source} > {target}" if source and target else ""


def _group_by(
    scores: Sequence[RowScore], column: str, value_of: Callable[[RowScore], str]
) -> Iterable[GroupLine]:
    parts: dict[str, list[RowScore]] = {}
    for one in scores:
        parts.setdefault(value_of(one), []).append(one)
    if set(parts) <= {""}:
        return
    ordered = sorted(parts.items(), key=lambda item: (-len(item[1]), item[0]))
    for value, part in ordered[:MOST_GROUPS]:
        right = wilson(sum(one.right for one in part), len(part))
        mean = bootstrap_mean([one.score for one in part])
        yield GroupLine(column, value, len(part), right, mean)
