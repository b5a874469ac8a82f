"""Classify: one label for every row, by the probabilities of all labels.

The options are listed in the prompt; the engine reads a row once and scores the labels, so
there is no text to parse and no label that is not one of the spec's. `classify_several` is the
same with any number of labels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from jobs.job import Job
from jobs.prompt import Completion, ConfidenceSource, Frame, LabelChoice, Prompt, Question
from jobs.spec import ClassifyTask
from jobs.spec.classify import OTHER
from jobs.tasks.answers import (
    bound_tokens,
    closed_object,
    compact_json,
    find_fault,
    own_spans,
    read_form,
)
from jobs.tasks.merging import find_broken, mean_scores, weigh_labels
from jobs.tasks.options import Wording, choose_words, describe_options, join_shots, list_shots
from jobs.tasks.protocol import Part, Reading, nothing
from jobs.tasks.signals import describe, token_logprobs

SUM_TOLERANCE: Final = 1e-3


class Classify:
    """The classify task of one spec, for one label."""

    def __init__(self, task: ClassifyTask) -> None:
        words = choose_words(task)
        self.names = {label.name: label.name for label in task.labels}
        if task.other:
            self.names[words.other] = OTHER
        self.other = words.other if task.other else None
        self.choice = LabelChoice(tuple(self.names), complete=task.calibration == "batch")
        self.choice_of_parts = replace(self.choice, complete=True)
        head = describe_options(task, words, words.one)
        self.frame = Frame(
            join_shots(head, self._show(task, words)),
            before=words.question,
            answer_start=words.answer,
        )
        self.system = join_shots(head, self._show(task, words, said=True))
        self.schema = compact_json(closed_object({"label": {"enum": list(self.names)}}))
        longest = max(len(label.encode()) for label in self.names)
        self.max_answer_tokens = bound_tokens(32 + longest)

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows share."""
        return Prompt(key=job.job_id, frame=self.frame, text=job.text, constraint=self.choice)

    def question(self, job: Job) -> Question:
        """Ask for one of the labels as JSON."""
        user = self.frame.before + job.text
        return Question(job.job_id, self.system, user, self.schema, self.max_answer_tokens)

    def read(self, completion: Completion, job: Job | None = None) -> Reading:
        """Take the likeliest label; signals are its margin, the entropy and the probabilities.

        Labels that could not win any more may be known only as a group: `unopened` is the
        probability of all of these, and a group counts as one label in margin and entropy, which
        bounds the margin from below. The confidence is the greatest of `probabilities`; of a label
        that was written, exp(`sum`), which is that of its own tokens. The row itself says nothing
        about its label, so it need not be given.
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
        named = {self.names[label]: probability for label, probability in scores.items()}
        return settle_label(named, completion.unopened, completion.confidence_source)

    def _covers(self, scores: Mapping[str, float], unopened: Sequence[float]) -> bool:
        """Tell whether only known labels have scores, and what has none is in a group."""
        missing = len(self.names) - len(scores)
        known = scores.keys() <= self.names.keys()
        return bool(scores) and known and (missing >= len(unopened) > 0 or missing == 0)

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask for all labels of a part: one that cannot win there may win over all parts."""
        return replace(self.render(replace(job, text=text)), constraint=self.choice_of_parts)

    def question_part(self, job: Job, text: str) -> Question:
        """Ask an engine that only talks about a part."""
        return self.question(replace(job, text=text))

    def merge(self, parts: Sequence[Part], job: Job | None = None) -> Reading:
        """Take the label that is likeliest over all parts, the longer ones weighing more.

        "None of these" is the row's answer as far as it is every part's: a part that no label fits
        says little about which of them fits the others. Where the parts' labels were written, each
        has the share of the text that it was written for, as sure as its parts.
        """
        readings = [self.read(part.completion) for part in parts]
        broken = find_broken(readings)
        if broken is not None:
            return broken
        if all(part.completion.asked == "question" for part in parts):
            other = None if self.other is None else OTHER
            return _settle_shares(weigh_labels(parts, readings, other), readings)
        if not all(len(part.completion.scores) == len(self.names) for part in parts):
            return nothing("scores_broken")
        return self.read(mean_scores(parts, self.other))

    def _read_json(self, completion: Completion) -> Reading:
        """Take the label that is written; it is as likely as its own tokens, where these are known.

        That is the probability of the label's whole text among everything that could be written.
        """
        text = completion.text or ""
        member = read_form(text, "label")
        if isinstance(member, str):
            return nothing(member)
        if not isinstance(member.value, str) or member.value not in self.names:
            return nothing("answer_off_schema")
        label = self.names[member.value]
        logprobs = token_logprobs(completion.tokens, own_spans(text, member))
        if logprobs is None or completion.confidence_source == "none":
            return Reading({"label": label}, label, {}, None, "none")
        likelihood = math.exp(math.fsum(logprobs))
        source = completion.confidence_source
        return Reading({"label": label}, label, describe(logprobs), likelihood, source)

    def _show(self, task: ClassifyTask, words: Wording, *, said: bool = False) -> list[str]:
        """Show the examples in the very form of question and answer; `said` as the JSON form."""
        shown = {answer: label for label, answer in self.names.items()}
        shots: list[str] = []
        for shot in list_shots(task):
            label = shown[shot.labels[0]]
            answer = (
                words.answer_said + compact_json({"label": label}) if said else words.answer + label
            )
            shots.append(f"{words.question}{shot.text}\n{answer}")
        return shots


def settle_label(
    scores: Mapping[str, float], unopened: Sequence[float], source: ConfidenceSource
) -> Reading:
    """Return the reading of a distribution: the likeliest label, as sure as it is likely.

    A group of `unopened` labels that is likelier than every label is no answer.
    """
    label = max(scores, key=lambda name: scores[name])
    best, second = sorted([*scores.values(), *unopened], reverse=True)[:2]
    if best > scores[label]:
        return nothing("scores_broken")
    signals: dict[str, Any] = {
        "margin": round(best - second, 6),
        "entropy": round(_entropy([*scores.values(), *unopened]), 6),
        "probabilities": {name: round(value, 6) for name, value in scores.items()},
    }
    if unopened:
        signals["unopened"] = round(math.fsum(unopened), 6)
    return Reading({"label": label}, label, signals, best, source)


def _settle_shares(shares: Mapping[str, float], readings: Sequence[Reading]) -> Reading:
    """Return the label with the greatest share; as sure as that is, if every part's is known."""
    label = max(shares, key=lambda name: shares[name])
    signals = {"shares": {name: round(share, 6) for name, share in shares.items()}}
    if any(reading.confidence is None for reading in readings):
        return Reading({"label": label}, label, signals, None, "none")
    return Reading({"label": label}, label, signals, shares[label], readings[0].confidence_source)


def _is_distribution(values: Sequence[float]) -> bool:
    return all(0 <= value <= 1 for value in values) and math.isclose(
        math.fsum(values), 1, abs_tol=SUM_TOLERANCE
    )


def _entropy(values: Sequence[float]) -> float:
    """Shannon entropy in nats."""
    return -math.fsum(value * math.log(value) for value in values if value > 0)
