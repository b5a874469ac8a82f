"""What a file would take before anything is done: rows, tokens, money, what could leave.

Prompts are counted with whatever counter the caller has, a model's tokenizer or an estimate from
bytes; how long answers will be is always a guess. A forecast says so.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jobs.cloud import CloudUsage
from jobs.complexity import StartRule, measure, rule_of, start_tier
from jobs.job import Job, NewJob
from jobs.plan import estimate_tokens
from jobs.prices import Price, price_bulk
from jobs.prompt import Question
from jobs.route import next_step, route_of
from jobs.source import Records
from jobs.spec import ClassifyTask, ExtractTask, FieldSpec, Spec, TranslateTask
from jobs.submit import read_steps, separate
from jobs.tasks import Task, build_task

JSON_TOKENS: Final = 6  # the braces and the key around an answer
LABELS_OF_A_ROW: Final = 2
FIELD_TOKENS: Final = 15
LIST_ITEMS: Final = 3
SUMMARY_SHARE: Final = 4


@dataclass(frozen=True, slots=True)
class Forecast:
    """A file under a spec.

    `prompt_tokens` and `answer_tokens` are those of asking every row once. `obstacle` is why no
    row may leave, None where rows may; `cloud_nano_usd` is what all of them would cost there.
    `rows_of` counts the rows by complexity.
    """

    rows: int
    rejected: int
    reasons: Mapping[str, int]
    prompt_tokens: int
    answer_tokens: int
    cloud: str
    cloud_nano_usd: int | None
    obstacle: str | None
    budget_nano_usd: int
    rule: StartRule
    rows_of: Mapping[int, int]

    @property
    def starts(self) -> tuple[int, ...]:
        """How many rows begin with each local model of the route."""
        counted = [0] * self.rule.tiers
        for complexity, rows in self.rows_of.items():
            counted[start_tier(self.rule, complexity)] += rows
        return tuple(counted)

    @property
    def rows_that_may_leave(self) -> int:
        """The most rows that policy lets out; the gate and the budget decide which do."""
        return 0 if self.obstacle else self.rows - self.rejected


def forecast(
    spec: Spec,
    records: Records,
    price: Price | None,
    count_tokens: Callable[[str], int] = estimate_tokens,
) -> Forecast:
    """Read a whole file and count; `price` is that of the route's cloud now, if it has one."""
    task = build_task(spec)
    rule = rule_of(spec)
    complexities: Counter[int] = Counter()
    shared = lru_cache(maxsize=16)(count_tokens)  # instructions and schemas are the same for all
    rows = rejected = prompt_tokens = answer_tokens = 0
    reasons: Counter[str] = Counter()
    known: dict[str, str] = {}
    for step in read_steps(iter(records)):
        good, bad = separate(step, known, "", "en", spec.task)
        rows += len(step)
        rejected += len(bad)
        reasons.update(reject.reason_code for reject in bad)
        for row in good:
            question = _ask(task, row)
            prompt_tokens += shared(question.system) + shared(question.schema)
            prompt_tokens += count_tokens(question.user)
            answer_tokens += min(question.max_tokens, _guess_answer(spec, row.text))
            complexities[measure(rule, row.text).number] += 1
    route = route_of(spec)
    usage = CloudUsage(input_tokens=prompt_tokens, output_tokens=answer_tokens)
    return Forecast(
        rows=rows,
        rejected=rejected,
        reasons=dict(reasons.most_common()),
        prompt_tokens=prompt_tokens,
        answer_tokens=answer_tokens,
        cloud=route.cloud,
        cloud_nano_usd=None if price is None else price_bulk(price, usage, "realtime"),
        obstacle=next_step(route, len(route.tiers) - 1).obstacle,
        budget_nano_usd=route.budget_nano_usd,
        rule=rule,
        rows_of=dict(sorted(complexities.items())),
    )


def _ask(task: Task, row: NewJob) -> Question:
    return task.question(
        Job(
            job_id=0,
            batch_id="",
            row_number=row.row_number,
            source_id=row.source_id,
            text=row.text,
            tier=0,
            attributes=row.attributes,
        )
    )


def _guess_answer(spec: Spec, text: str) -> int:
    """Guess how long an answer is: labels, fields, a text as long as the row, or a part of it."""
    task = spec.task
    if isinstance(task, ClassifyTask):
        longest = max(estimate_tokens(label.name) for label in task.labels)
        return JSON_TOKENS + longest * (LABELS_OF_A_ROW if task.multi_label else 1)
    if isinstance(task, ExtractTask):
        return JSON_TOKENS + FIELD_TOKENS * sum(map(_count_values, task.fields))
    whole = estimate_tokens(text)
    return JSON_TOKENS + (whole if isinstance(task, TranslateTask) else whole // SUMMARY_SHARE)


def _count_values(field: FieldSpec) -> int:
    """Guess how many values a field has, a list those of a few items."""
    inside = sum(map(_count_values, field.fields)) or 1
    return inside * LIST_ITEMS if field.type == "list" else inside
