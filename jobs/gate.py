"""The gate: keep an answer or escalate it. Pure; imports nothing of ours.

The modes here decide row by row at once. A check that failed or an answer that is missing is a
reason to escalate in every mode, never a default answer; so is an unknown confidence where the
mode looks at it. `keep_all` keeps every sound answer, whatever its confidence.
"""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["keep_all", "threshold", "escalate_all"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate says about one answer; `params` fill the words of `reason_code`."""

    keep: bool
    reason_code: str
    params: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How to decide. `threshold` is the least confidence kept, in [0, 1]; used by `threshold`."""

    mode: Mode
    threshold: float = 0.0


def judge(
    policy: Policy, *, confidence: float | None, problem: str | None, has_answer: bool
) -> Judgement:
    """Decide about one answer.

    `problem` is the code of the first failed check (parse failure, truncation, engine error),
    None if there is none. `confidence` is in [0, 1] or None when unknown.
    """
    if problem is not None or not has_answer:
        return Judgement(keep=False, reason_code=problem or "no_answer")
    if policy.mode == "escalate_all":
        return Judgement(keep=False, reason_code="escalate_all")
    if policy.mode == "keep_all":
        return Judgement(keep=True, reason_code="keep_all")
    if confidence is None:
        return Judgement(keep=False, reason_code="confidence_unknown")
    shown = (("confidence", round(confidence, 4)), ("threshold", policy.threshold))
    if confidence >= policy.threshold:
        return Judgement(keep=True, reason_code="above_threshold", params=shown)
    return Judgement(keep=False, reason_code="below_threshold", params=shown)
