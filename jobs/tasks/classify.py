"""Classify: one label for every row, by the probabilities of all labels.

The options are listed in the prompt; the engine reads a row once and scores every label, so
there is no text to parse and no label that is not one of the spec's.
"""

import math
from typing import Final

from jobs.job import Job
from jobs.prompt import Completion, Frame, LabelChoice, Prompt
from jobs.spec import ClassifyTask, Label
from jobs.tasks.protocol import Reading

INSTRUCTION: Final = "Choose the one category that fits the message best."
QUESTION: Final = "Message: "
ANSWER: Final = "Category: "
"""Ends with a space: labels are then read as the ordinary words they are inside a sentence."""
SUM_TOLERANCE: Final = 1e-3


class Classify:
    """The classify task of one spec."""

    def __init__(self, task: ClassifyTask) -> None:
        self.choice = LabelChoice(tuple(label.name for label in task.labels))
        self.frame = Frame(system=_describe(task), before=QUESTION, answer_start=ANSWER)

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows share."""
        return Prompt(key=job.job_id, frame=self.frame, text=job.text, constraint=self.choice)

    def read(self, completion: Completion) -> Reading:
        """Take the likeliest label; signals are its margin, the entropy and all probabilities."""
        if completion.error is not None or completion.text is None:
            return _nothing(completion.error or "no_answer")
        scores = dict(completion.scores)
        if set(scores) != set(self.choice.labels) or not _is_distribution(scores):
            return _nothing("scores_broken")
        ranked = sorted(scores.items(), key=lambda item: -item[1])
        (label, best), (_, second) = ranked[:2]
        signals = {
            "margin": round(best - second, 6),
            "entropy": round(_entropy(scores), 6),
            "probabilities": {name: round(value, 6) for name, value in scores.items()},
        }
        return Reading({"label": label}, label, signals, best, completion.confidence_source)


def _describe(task: ClassifyTask) -> str:
    """List the options, then show the examples in the very form of question and answer."""
    options = [task.instruction or INSTRUCTION, "", "Categories:"]
    options += [_describe_label(label) for label in task.labels]
    shown = [
        f"{QUESTION}{example}\n{ANSWER}{label.name}"
        for label in task.labels
        for example in label.examples
    ]
    return "\n\n".join(["\n".join(options), *shown])


def _describe_label(label: Label) -> str:
    return f"- {label.name}: {label.description}" if label.description else f"- {label.name}"


def _nothing(problem: str) -> Reading:
    return Reading(None, None, {}, None, "none", problem)


def _is_distribution(scores: dict[str, float]) -> bool:
    values = scores.values()
    return all(0 <= value <= 1 for value in values) and math.isclose(
        math.fsum(values), 1, abs_tol=SUM_TOLERANCE
    )


def _entropy(scores: dict[str, float]) -> float:
    """Shannon entropy in nats."""
    return -math.fsum(value * math.log(value) for value in scores.values() if value > 0)
