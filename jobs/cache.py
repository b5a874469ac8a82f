"""Equal prompts: what makes two of them equal, and an answer as it is kept for the next. Pure."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

from jobs.prompt import (
    Completion,
    Constraint,
    Frame,
    FreeText,
    Prompt,
    Question,
    TokenScore,
    Usage,
)
from jobs.tasks.answers import is_storable

SCORER_VERSION: Final = 1
"""Raised whenever the same prompt is rendered, tokenised, scored or decoded differently, and when
an answer is kept in another form: what was kept before is then never found again."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a model answered to one prompt of a row: the whole row, or a part of a long one.

    It goes when its row goes.
    """

    cache_key: str
    job_id: int
    completion: Mapping[str, Any]


def make_cache_key(prompt: Prompt | Question, model_hash: str, numerics: str) -> str | None:
    """Return a key that is equal for prompts which the same model answers alike.

    Frame, text and the model's file decide which tokens are read and stand for them; `numerics`
    is what else the numbers hang on. None where the answer is drawn by chance. A question is
    asked at temperature 0, and all of it counts but its row.
    """
    if isinstance(prompt, Question):
        asked = [prompt.system, prompt.user, prompt.schema, prompt.max_tokens]
        what = [SCORER_VERSION, model_hash, numerics, "question", *asked]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()
    constraint = prompt.constraint
    if isinstance(constraint, FreeText) and constraint.temperature > 0:
        return None
    shared = _describe(SCORER_VERSION, model_hash, numerics, prompt.frame, constraint)
    return hashlib.sha256(f"{shared}{json.dumps(prompt.text)}".encode()).hexdigest()


@lru_cache(maxsize=64)
def _describe(
    scorer: int, model_hash: str, numerics: str, frame: Frame, constraint: Constraint
) -> str:
    """Return a digest of all that most rows of a spec have in common."""
    what = [scorer, model_hash, numerics, asdict(frame)]
    form = [type(constraint).__name__, asdict(constraint)]
    return hashlib.sha256(json.dumps([*what, *form], sort_keys=True).encode()).hexdigest()


def pack(completion: Completion) -> dict[str, Any] | None:
    """Return a completion as data, None for one that is not to be kept.

    Kept is what the model said, also where a check of it fails: the checks are made again. No
    error is kept (it may be gone the next time), and nothing that a database cannot hold.
    """
    if completion.error is not None or completion.text is None:
        return None
    numbers = [value for _, value in completion.scores]
    numbers += [*completion.unopened, *(token.logprob for token in completion.tokens)]
    if not is_storable(completion.text) or not all(map(math.isfinite, numbers)):
        return None
    usage = completion.usage
    return {
        "text": completion.text,
        "scores": [[label, value] for label, value in completion.scores],
        "unopened": list(completion.unopened),
        "source": completion.confidence_source,
        "finish": completion.finish,
        "asked": completion.asked,
        "tokens": [[token.start, token.end, token.logprob] for token in completion.tokens],
        "usage": [usage.prompt_tokens, usage.shared_tokens, usage.output_tokens],
    }


def unpack(packed: Mapping[str, Any]) -> Completion:
    """Return what was packed, without device time; its `key` is no row's."""
    return Completion(
        key=0,
        text=packed["text"],
        scores=tuple((label, value) for label, value in packed["scores"]),
        unopened=tuple(packed["unopened"]),
        confidence_source=packed["source"],
        usage=Usage(*packed["usage"]),
        tokens=tuple(TokenScore(*token) for token in packed["tokens"]),
        finish=packed["finish"],
        asked=packed.get("asked", "prompt"),
    )
