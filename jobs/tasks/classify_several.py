"""Classify with any number of labels, none too: each is a question of its own.

The engine reads a row once and scores yes and no behind every label's name, so no label hangs on
what was said of another, and each has its own probability.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from jobs.job import Job
from jobs.prompt import Completion, ConfidenceSource, Frame, LabelSet, Prompt, Question
from jobs.spec import ClassifyTask
from jobs.tasks.answers import (
    bound_tokens,
    closed_object,
    compact_json,
    find_fault,
    item_spans,
    read_form,
)
from jobs.tasks.merging import find_broken, find_least_sure, greatest_scores
from jobs.tasks.options import (
    Shot,
    Wording,
    choose_words,
    describe_options,
    join_shots,
    list_shots,
)
from jobs.tasks.protocol import Part, Reading, nothing
from jobs.tasks.signals import byte_span, describe, token_logprobs

APPLIES: Final = 0.5
"""A label that is at least so probable belongs to the answer."""
MARKS: Final = 8
"""Tokens for quotes and a comma around each written label, at most."""


class ClassifySeveral:
    """The classify task of one spec, for a set of labels."""

    def __init__(self, task: ClassifyTask) -> None:
        words = choose_words(task)
        labels = tuple(label.name for label in task.labels)
        self.choice = LabelSet(labels, words.ask, words.yes, words.no)
        shots = list_shots(task)
        self.frame = Frame(
            join_shots(
                describe_options(task, words, words.several),
                (_show_asked(shot, words, labels, number) for number, shot in enumerate(shots)),
            ),
            before=words.question,
        )
        self.system = join_shots(
            describe_options(task, words, words.several_said),
            (_show_said(shot, words) for shot in shots),
        )
        items = {"type": "array", "items": {"enum": list(labels)}}
        self.schema = compact_json(closed_object({"labels": items}))
        self.max_answer_tokens = bound_tokens(32 + sum(MARKS + len(one.encode()) for one in labels))

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows share."""
        return Prompt(key=job.job_id, frame=self.frame, text=job.text, constraint=self.choice)

    def question(self, job: Job) -> Question:
        """Ask for the labels as a JSON list."""
        user = self.frame.before + job.text
        return Question(job.job_id, self.system, user, self.schema, self.max_answer_tokens)

    def read(self, completion: Completion, job: Job | None = None) -> Reading:
        """Take the labels that rather apply than not; the set is as sure as its least sure label.

        `probabilities` has that of every label, and the confidence is the least of max(p, 1 - p)
        among them, which no probability of the whole set exceeds. Of a list that was written the
        confidence is exp(`sum`), that of the list's own tokens, where these are known.
        """
        fault = find_fault(completion)
        if fault is not None:
            return nothing(fault)
        if completion.asked == "question":
            return self._read_json(completion)
        scores = dict(completion.scores)
        whole = scores.keys() == set(self.choice.labels) and not completion.unopened
        if not whole or not all(0 <= probability <= 1 for probability in scores.values()):
            return nothing("scores_broken")
        ordered = {label: scores[label] for label in self.choice.labels}
        return settle_labels(ordered, completion.confidence_source)

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask which labels a part has."""
        return self.render(replace(job, text=text))

    def question_part(self, job: Job, text: str) -> Question:
        """Ask an engine that only talks about a part."""
        return self.question(replace(job, text=text))

    def merge(self, parts: Sequence[Part], job: Job | None = None) -> Reading:
        """Take every label that a part has; it is as probable as in the part that shows it most.

        Where the parts' lists were written, the row's is as sure as the least sure of them.
        """
        readings = [self.read(part.completion) for part in parts]
        broken = find_broken(readings)
        if broken is not None:
            return broken
        if all(part.completion.asked == "prompt" for part in parts):
            return self.read(greatest_scores(parts))
        found = {label for reading in readings for label in (reading.output or {})["labels"]}
        least = find_least_sure(readings)
        return replace(least, output=self._name(found))

    def _read_json(self, completion: Completion) -> Reading:
        """Take the list that is written; signals have the probability of each written label."""
        text = completion.text or ""
        member = read_form(text, "labels")
        if isinstance(member, str):
            return nothing(member)
        labels = member.value
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            return nothing("answer_off_schema")
        if len(set(labels)) < len(labels) or not set(labels) <= set(self.choice.labels):
            return nothing("answer_off_schema")
        span = byte_span(text, member.start, member.end)
        logprobs = token_logprobs(completion.tokens, [span])
        if logprobs is None or completion.confidence_source == "none":
            return Reading(self._name(labels), None, {}, None, "none")
        own = [token_logprobs(completion.tokens, [one]) for one in item_spans(text, member)]
        signals = {
            **describe(logprobs),
            "probabilities": {
                label: round(math.exp(math.fsum(found or ())), 6)
                for label, found in zip(labels, own, strict=True)
            },
        }
        confidence = math.exp(math.fsum(logprobs))
        return Reading(self._name(labels), None, signals, confidence, completion.confidence_source)

    def _name(self, labels: Sequence[str] | set[str]) -> dict[str, Any]:
        return {"labels": [label for label in self.choice.labels if label in labels]}


def settle_labels(scores: Mapping[str, float], source: ConfidenceSource) -> Reading:
    """Return the reading of independent probabilities, in the order of the labels."""
    labels = [label for label, probability in scores.items() if probability >= APPLIES]
    confidence = min(max(probability, 1 - probability) for probability in scores.values())
    signals = {
        "margin": round(2 * confidence - 1, 6),
        "probabilities": {label: round(value, 6) for label, value in scores.items()},
    }
    return Reading({"labels": labels}, None, signals, confidence, source)


def _show_asked(shot: Shot, words: Wording, labels: Sequence[str], number: int) -> str:
    """Show a text with questions in their very form: as many that do not fit as fit, one at least.

    Which of those that do not fit are shown goes round, so that each has its turn.
    """
    misses = [label for label in labels if label not in shot.labels]
    count = min(max(len(shot.labels), 1), len(misses))
    shown = {misses[(number + step) % len(misses)] for step in range(count)} | {*shot.labels}
    lines = [
        f"{label}{words.ask}{words.yes if label in shot.labels else words.no}"
        for label in labels
        if label in shown
    ]
    return "\n".join([f"{words.question}{shot.text}", *lines])


def _show_said(shot: Shot, words: Wording) -> str:
    answer = compact_json({"labels": list(shot.labels)})
    return f"{words.question}{shot.text}\n{words.answer_said}{answer}"
