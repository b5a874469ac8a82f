"""Classify: one label for every row, by the probabilities of all labels.

The options are listed in the prompt; the engine reads a row once and scores the labels, so
there is no text to parse and no label that is not one of the spec's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jobs.job import Job
from jobs.prompt import Completion, Frame, LabelChoice, Prompt, Question
from jobs.spec import ClassifyTask, Label
from jobs.tasks.answers import (
    bound_tokens,
    closed_object,
    compact_json,
    find_fault,
    own_spans,
    read_form,
)
from jobs.tasks.languages import speaks_japanese
from jobs.tasks.merging import agree, find_broken, mean_scores
from jobs.tasks.protocol import Part, Reading, nothing
from jobs.tasks.signals import describe, token_logprobs

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
        names = tuple(label.name for label in task.labels)
        self.choice = LabelChoice(names, complete=task.calibration == "batch")
        self.choice_of_parts = replace(self.choice, complete=True)
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
        """Take the likeliest label; signals are its margin, the entropy and the probabilities.

        Labels that could not win any more may be known only as a group: `unopened` is the
        probability of all of these, and a group counts as one label in margin and entropy, which
        bounds the margin from below. The row itself says nothing about its label, so it need not
        be given.
        """
        fault = find_fault(completion)
        if fault is not None:
            return nothing(fault)
        if completion.asked == "question":
            return self._read_json(completion)
        scores = dict(completion.scores)
        shares = [*scores.values(), *completion.unopened]
        if not self._covers(scores, completion.unopened) or not _is_distribution(shares):
            return nothing("scores_broken")
        label = max(scores, key=lambda name: scores[name])
        best, second = sorted(shares, reverse=True)[:2]
        if best > scores[label]:
            return nothing("scores_broken")
        signals: dict[str, Any] = {
            "margin": round(best - second, 6),
            "entropy": round(_entropy(shares), 6),
            "probabilities": {name: round(value, 6) for name, value in scores.items()},
        }
        if completion.unopened:
            signals["unopened"] = round(math.fsum(completion.unopened), 6)
        return Reading({"label": label}, label, signals, best, completion.confidence_source)

    def _covers(self, scores: Mapping[str, float], unopened: Sequence[float]) -> bool:
        """Tell whether only known labels have scores, and what has none is in a group."""
        missing = len(self.choice.labels) - len(scores)
        known = scores.keys() <= set(self.choice.labels)
        return bool(scores) and known and (missing >= len(unopened) > 0 or missing == 0)

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask for all labels of a part: one that cannot win there may win over all parts."""
        return replace(self.render(replace(job, text=text)), constraint=self.choice_of_parts)

    def question_part(self, job: Job, text: str) -> Question:
        """Ask an engine that only talks about a part."""
        return self.question(replace(job, text=text))

    def merge(self, parts: Sequence[Part], job: Job | None = None) -> Reading:
        """Take the label that is likeliest over all parts, the longer ones weighing more."""
        readings = [self.read(part.completion) for part in parts]
        broken = find_broken(readings)
        if broken is not None:
            return broken
        if parts[0].completion.asked == "question":
            return agree(readings)
        if not all(part.completion.scores for part in parts):
            return nothing("scores_broken")
        return self.read(mean_scores(parts))

    def _read_json(self, completion: Completion) -> Reading:
        """Take the label that is written; it is as likely as its own tokens, where these are known.

        That is the probability of the label's whole text among everything that could be written.
        """
        text = completion.text or ""
        member = read_form(text, "label")
        if isinstance(member, str):
            return nothing(member)
        label = member.value
        if label not in self.choice.labels:
            return nothing("answer_off_schema")
        output = {"label": label}
        logprobs = token_logprobs(completion.tokens, own_spans(text, member))
        if logprobs is None or completion.confidence_source == "none":
            return Reading(output, label, {}, None, "none")
        likelihood = math.exp(math.fsum(logprobs))
        return Reading(output, label, describe(logprobs), likelihood, completion.confidence_source)


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


def _is_distribution(values: Sequence[float]) -> bool:
    return all(0 <= value <= 1 for value in values) and math.isclose(
        math.fsum(values), 1, abs_tol=SUM_TOLERANCE
    )


def _entropy(values: Sequence[float]) -> float:
    """Shannon entropy in nats."""
    return -math.fsum(value * math.log(value) for value in values if value > 0)
