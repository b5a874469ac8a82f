"""Rows of evaluations, made."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jobs.evaluate import AnsweredRow, Evaluation, Wish, evaluate
from jobs.evaluate.rows import RowScore
from jobs.spec import Spec, parse_spec
from jobs.store.evaluations import Saved

CLASSIFY = 'kind = "classify"\nlabels = ["refund", "delivery", "その他の件"]'
EXTRACT = """kind = "extract"
[task.fields.who]
type = "string"
required = false
[task.fields.day]
type = "date"
required = false
[task.fields.total]
type = "money"
required = false
[task.fields.count]
type = "integer"
required = false
"""
TRANSLATE = 'kind = "translate"\ntarget_language = "ja"'
SUMMARIZE = 'kind = "summarize"'


def make_spec(task: str = CLASSIFY, name: str = "small") -> Spec:
    """A spec of one kind of task."""
    text = f'name = "{name}"\n[input]\nid = "id"\ntext = "text"\n[task]\n{task}\n'
    return parse_spec(text, "small.toml")


def make_row(
    number: int,
    gold: str,
    output: Mapping[str, Any] | None,
    *,
    confidence: float | None = 0.5,
    kept: bool = True,
    reason: str = "keep_all",
    groups: Mapping[str, str] | None = None,
) -> AnsweredRow:
    """A row that was answered, or not."""
    return AnsweredRow(
        row_number=number,
        source_id=f"r{number}",
        output=output,
        kept=kept and output is not None,
        confidence=confidence,
        reason_code=reason,
        gold=gold,
        groups=groups or {},
    )


def make_scores(*pairs: tuple[float | None, bool]) -> list[RowScore]:
    """Scores of rows with these confidences, right or not."""
    return [
        RowScore(number, f"r{number}", float(right), right, confidence, {})
        for number, (confidence, right) in enumerate(pairs, 1)
    ]


def evaluate_labels(
    answers: Sequence[tuple[str, str | None]], wish: Wish | None = None
) -> Evaluation:
    """The evaluation of rows with a gold label and an answered one."""
    rows = [
        make_row(number, gold, None if said is None else {"label": said})
        for number, (gold, said) in enumerate(answers, 1)
    ]
    return evaluate(make_spec(), rows, wish or Wish())


def make_saved(found: Evaluation, number: int = 1, **changes: Any) -> Saved:
    """A saved evaluation."""
    cost = {
        "rows": found.rows,
        "rejected": 1,
        "lost": 0,
        "seconds": 2.0,
        "device_seconds": 1.0,
        "rows_per_second": 5.0,
        "rows_per_device_second": None,
        "local_usd": "0.10",
        "cloud_usd": "0.00",
        "cost_usd": "0.10",
        "usd_per_row": "0.01",
        "usd_per_1000_rows": "10.00",
    }
    values: dict[str, Any] = {
        "identity": f"{number:064}",
        "batch_id": f"b{number}",
        "spec_name": "small",
        "spec_hash": "a" * 64,
        "task": found.task,
        "file_name": "rows.csv",
        "file_hash": "f" * 64,
        "gold_column": "gold",
        "model_name": f"model-{number}",
        "model_hash": "b" * 64,
        "prompt_hash": "c" * 64,
        "rows": found.rows,
        "metrics": {**found.as_data(), "cost": cost},
        "scores": found.as_scores(),
        "evaluation_id": number,
        "created_at": datetime(2026, 11, 20, 13, 0, tzinfo=UTC),
    }
    return Saved(**{**values, **changes})
