"""Rows that are longer than a real model's context, answered by parts."""

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.gate import Policy
from jobs.job import Job
from jobs.prompt import Usage
from jobs.route import Route
from jobs.spec import (
    ClassifyTask,
    ExtractTask,
    Label,
    SummarizeTask,
    TranslateTask,
)
from jobs.tasks import Answer, Classify, Extract, Summarize, Task, Translate
from jobs.verdict import Plan
from workers.engines.llama import LlamaEngine, load_engine
from workers.journal import Journal
from workers.rows import Rows

pytestmark = [pytest.mark.integration, pytest.mark.heavy]

CONTEXT_TOKENS = 512
PATIENCE_SECONDS = 300
ENGLISH = "\n\n".join(
    f"On day {day} the parcel of Minato Trading was still on its way. We asked the shop about it, "
    "and they told us to wait. Nobody could say when it would come."
    for day in range(1, 14)
)
JAPANESE = "".join(
    f"{day}日目になっても荷物は届きませんでした。店に問い合わせました。" for day in range(1, 14)
)
RECORD = ExtractTask.model_validate(
    {"kind": "extract", "fields": {"vendor": {"type": "string"}, "days": {"type": "integer"}}}
)
LABELS = (Label(name="delivery"), Label(name="refund"))


@pytest.fixture(scope="module")
def engine(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaEngine]:
    """The small model with a context that these rows do not fit into."""
    journal = Journal(tmp_path_factory.mktemp("long") / "journal")
    made = load_engine(model_path, "short", 1, journal, context_tokens=CONTEXT_TOKENS)
    yield made
    made.close()
    journal.close()


def answer(engine: LlamaEngine, task: Task, text: str, *, split: bool) -> Answer:
    """Ask about one row."""
    plan = Plan(task, Policy("keep_all"), Route(("short",)), "en", split)
    rows = Rows(engine, plan, [Job(3, "b1", 1, "r1", text, 0)], alone=False)
    rows.submit()
    while True:
        try:
            found = rows.get(PATIENCE_SECONDS)
        except queue.Empty:
            pytest.fail("the engine does not answer")
        if found is not None:
            return found


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (Classify(ClassifyTask(kind="classify", labels=LABELS)), ENGLISH),
        pytest.param(Extract(RECORD), JAPANESE, marks=pytest.mark.slow),
        pytest.param(
            Translate(TranslateTask(kind="translate", target_language="en")),
            JAPANESE,
            marks=pytest.mark.slow,
        ),
        (Summarize(SummarizeTask(kind="summarize", max_sentences=1)), ENGLISH),
    ],
    ids=["classify", "extract", "translate", "summarize"],
)
def test_a_long_row_has_one_answer(engine: LlamaEngine, task: Task, text: str) -> None:
    """Refused as a whole, it is answered by parts; what a tiny model says may fail its checks."""
    refused = answer(engine, task, text, split=False)
    assert (refused.error, refused.usage) == ("input_too_long", Usage())
    found = answer(engine, task, text, split=True)
    assert found.error is None
    assert found.job_id == 3
    assert found.reading.signals["parts"] > 1
    assert found.usage.prompt_tokens > 0
    assert found.usage.shared_tokens > 0
    assert found.usage.device_ms > 0
    if found.reading.output is None:  # a part's answer may not end, or say nothing
        assert found.reading.problem in {"answer_cut", "answer_empty", "answer_repeats"}
    else:
        assert found.reading.confidence is not None
        assert 0 <= found.reading.confidence <= 1
