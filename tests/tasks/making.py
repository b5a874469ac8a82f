"""Rows and answers for the tests of tasks."""

import json
import math
from typing import Any

from hypothesis import strategies as st

from jobs.job import Job
from jobs.prompt import Completion, TokenScore

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
"""Also lone surrogates and control characters."""


def make_job(text: str, **attributes: str) -> Job:
    """A row with this text and these columns."""
    return Job(7, "b1", 1, "r1", text, 0, attributes)


def talk(data: Any) -> Completion:
    """The answer of an engine that only talks: JSON, or text as it is."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return Completion(7, text, asked="question")


def write(text: str, *logprobs: float, finish: Any = "stop") -> Completion:
    """The answer of an engine that scores: its bytes in as many tokens as there are scores."""
    size, count = len(text.encode("utf-8", "surrogatepass")), len(logprobs)
    edges = [round(size * number / count) for number in range(count)] if count else []
    tokens = tuple(
        TokenScore(start, end, logprob)
        for start, end, logprob in zip(edges, [*edges[1:], size][:count], logprobs, strict=True)
    )
    return Completion(7, text, tokens=tokens, finish=finish, confidence_source="token_logprobs")


def write_bytes(text: str, low: dict[str, float]) -> Completion:
    """One token for each byte, log-probability 0 except inside the given pieces of the text."""
    scores = [0.0] * len(text.encode())
    for piece, logprob in low.items():
        start = len(text[: text.index(piece)].encode())
        for at in range(start, start + len(piece.encode())):
            scores[at] = logprob
    tokens = tuple(TokenScore(at, at + 1, score) for at, score in enumerate(scores))
    return Completion(7, text, tokens=tokens, finish="stop", confidence_source="token_logprobs")


@st.composite
def completions(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Completion:
    """Any answer an engine could give, sound or not."""
    spans = draw(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80)), max_size=4))
    return Completion(
        7,
        draw(st.none() | texts),
        tokens=tuple(
            TokenScore(min(span), max(span), draw(st.floats(max_value=0) | st.just(math.nan)))
            for span in spans
        ),
        finish=draw(st.sampled_from([None, "stop", "length"])),
        confidence_source=draw(st.sampled_from(["none", "token_logprobs", "label_probability"])),
    )
