"""What translate and summarize share: an answer that is text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.prompt import Completion
from jobs.tasks.answers import find_fault, is_storable, read_form
from jobs.tasks.protocol import Reading, nothing
from jobs.tasks.signals import QUANTILE, byte_span, describe, quantile, token_logprobs


@dataclass(frozen=True, slots=True)
class Written:
    """What a completion holds: text (`plain`), or the value of the one member of its JSON.

    `span` are the bytes [start, end) of the completion that say it.
    """

    value: Any
    plain: bool
    span: tuple[int, int]


def blank_line_stops(text: str, question: str) -> tuple[str, ...]:
    """Return where an answer ends that has no more lines or paragraphs than its text.

    Small models go on with a next question where they should end.
    """
    if "\n" not in text.strip():
        return ("\n",)
    if "\n\n" not in text.strip():
        return ("\n\n",)
    return ("\n" + question.strip(),)


def read_text(completion: Completion, name: str) -> Written | Reading:
    """Return what an answer says, or the reading of one that says nothing.

    `name` is the member that holds it in an answer to a question.
    """
    fault = find_fault(completion)
    if fault is not None:
        return nothing(fault)
    text = completion.text or ""
    if completion.asked == "prompt":
        return Written(text, plain=True, span=byte_span(text, 0, len(text)))
    member = read_form(text, name)
    if isinstance(member, str):
        return nothing(member)
    return Written(member.value, plain=False, span=byte_span(text, member.start, member.end))


def score_text(
    completion: Completion, written: Written, output: Mapping[str, Any], problem: str | None
) -> Reading:
    """Return the reading of a text: as sure as a low quantile of its tokens' probabilities."""
    if problem == "answer_empty" or not all(is_storable(text) for text in _texts(output)):
        return nothing("answer_empty" if problem == "answer_empty" else "answer_not_text")
    logprobs = None
    if completion.confidence_source != "none":
        logprobs = token_logprobs(completion.tokens, [written.span])
    if logprobs is None:
        return Reading(output, None, {}, None, "none", problem)
    confidence = math.exp(quantile(sorted(logprobs), QUANTILE))
    return Reading(
        output, None, describe(logprobs), confidence, completion.confidence_source, problem
    )


def _texts(output: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for value in output.values():
        found += value if isinstance(value, list) else [value]
    return found
