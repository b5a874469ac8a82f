"""Classify: one label for every row, by the probabilities of all labels.

The options are listed in the prompt; the engine reads a row once and scores every label, so
there is no text to parse and no label that is not one of the spec's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from jobs.job import Job
from jobs.prompt import Completion, Frame, LabelChoice, Prompt, Question
from jobs.spec import ClassifyTask, Label
from jobs.tasks.answers import bound_tokens, closed_object, compact_json, find_fault, read_form
from jobs.tasks.languages import speaks_japanese
from jobs.tasks.merging import find_broken, mean_scores
from jobs.tasks.protocol import Part, Reading, nothing

INSTRUCTION: Final = "Choose the one category that fits the message best."
SUM_TOLERANCE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Wording:
    """The words around options and rows.

    `answer` ends with a space: labels are then read as the ordinary words they are inside a
    sentence.
    """

    instruction: str
    options: str
    question: str
    answer: str


ENGLISH: Final = Wording(INSTRUCTION, "Categories:", "Message: ", "Category: ")
JAPANESE: Final = Wording(
    "次の文に最もよく当てはまる分類を１つ選んでください。", "分類の一覧:", "文: ", "分類: "
)


class Classify:
    """The classify task of one spec."""

    def __init__(self, task: ClassifyTask) -> None:
        words = _choose_words(task)
        self.choice = LabelChoice(tuple(label.name for label in task.labels))
        self.frame = Frame(_describe(task, words), before=words.question, answer_start=words.answer)
        self.schema = compact_json(closed_object({"label": {"enum": list(self.choice.labels)}}))
        longest = max(len(label.encode()) for label in self.choice.labels)
        self.max_answer_tokens = bound_tokens(32 + longest)

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows share."""
        return Prompt(key=job.job_id, frame=self.frame, text=job.text, constraint=self.choice)

    def question(self, job: Job) -> Question:
        """Ask for one of the labels as JSON."""
        user = self.frame.before + job.text
        return Question(job.job_id, self.frame.system, user, self.schema, self.max_answer_tokens)

    def read(self, completion: Completion, job: Job | None = None) -> Reading:
        """Take the likeliest label; signals are its margin, the entropy and all probabilities.

        The row itself says nothing about its label, so it need not be given.
        """
        fault = find_fault(completion)
        if fault is not None:
            return nothing(fault)
        if completion.confidence_source == "none" and not completion.scores:
            return self._read_json(completion.text or "")
        scores = dict(completion.scores)
        if set(scores) != set(self.choice.labels) or not _is_distribution(scores):
            return nothing("scores_broken")
        ranked = sorted(scores.items(), key=lambda item: -item[1])
        (label, best), (_, second) = ranked[:2]
        signals = {
            "margin": round(best - second, 6),
            "entropy": round(_entropy(scores), 6),
            "probabilities": {name: round(value, 6) for name, value in scores.items()},
        }
        return Reading({"label": label}, label, signals, best, completion.confidence_source)

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask for the label of a part."""
        return self.render(replace(job, text=text))

    def merge(self, parts: Sequence[Part], job: Job | None = None) -> Reading:
        """Take the label that is likeliest over all parts, the longer ones weighing more."""
        broken = find_broken([self.read(part.completion) for part in parts])
        if broken is not None:
            return broken
        if not all(part.completion.scores for part in parts):
            return nothing("scores_broken")
        return self.read(mean_scores(parts))

    def _read_json(self, text: str) -> Reading:
        label, problem = read_form(text, "label")
        if problem is not None:
            return nothing(problem)
        if label not in self.choice.labels:
            return nothing("answer_off_schema")
        return Reading({"label": label}, label, {}, None, "none")


def _choose_words(task: ClassifyTask) -> Wording:
    """Speak the language of the instruction, else of the labels."""
    described = [f"{label.name} {label.description}" for label in task.labels]
    return JAPANESE if speaks_japanese(task.instruction or " ".join(described)) else ENGLISH


def _describe(task: ClassifyTask, words: Wording) -> str:
    """List the options, then show the examples in the very form of question and answer."""
    options = [task.instruction or words.instruction, "", words.options]
    options += [_describe_label(label) for label in task.labels]
    shown = [
        f"{words.question}{example}\n{words.answer}{label.name}"
        for label in task.labels
        for example in label.examples
    ]
    return "\n\n".join(["\n".join(options), *shown])


def _describe_label(label: Label) -> str:
    return f"- {label.name}: {label.description}" if label.description else f"- {label.name}"


def _is_distribution(scores: dict[str, float]) -> bool:
    values = scores.values()
    return all(0 <= value <= 1 for value in values) and math.isclose(
        math.fsum(values), 1, abs_tol=SUM_TOLERANCE
    )


def _entropy(scores: dict[str, float]) -> float:
    """Shannon entropy in nats."""
    return -math.fsum(value * math.log(value) for value in scores.values() if value > 0)
