"""What a task asks an engine, and what an engine answers; frozen, keyed by job.

A `Frame` is what all rows of a spec share; engines read it once and reuse it. A `Prompt` is one
row inside its frame. A `Completion` answers exactly one prompt.
"""

from dataclasses import dataclass
from typing import Literal

ConfidenceSource = Literal["label_probability", "token_logprobs", "learned", "none"]


@dataclass(frozen=True, slots=True)
class Frame:
    """The words around a row, equal for all rows of a spec.

    `system` is the system turn; `before` and `after` enclose the row's text in the user turn;
    `answer_start` is put into the assistant's mouth, and the answer continues it.
    """

    system: str
    before: str = ""
    after: str = ""
    answer_start: str = ""


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """The answer is one of `labels` (two or more, distinct, non-empty).

    Labels are scored as far as is needed to know the likeliest, with `complete` all of them.
    """

    labels: tuple[str, ...]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The answer is any number of `labels` (two or more, distinct, non-empty), none too.

    Each label is a question of its own: what stands behind the row is the label, then `ask`, then
    `yes` or `no`. All are scored, and no label hangs on what was said of another.
    """

    labels: tuple[str, ...]
    ask: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class FreeText:
    """The answer is text: it ends where the model ends it, at a stop string (not part of the
    answer), when it goes round in a circle, or after `max_tokens`.

    At `temperature` 0 the likeliest token is taken; above it tokens are drawn, from the likeliest
    ones that reach `top_p` together and are at least `min_p` times as likely as the likeliest,
    by random numbers that hang on `seed` and the row's text alone. With `ignore_end` (for
    measuring) only `max_tokens` ends it.
    """

    max_tokens: int
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int = 0
    ignore_end: bool = False


@dataclass(frozen=True, slots=True)
class JsonText:
    """The answer is JSON valid for `schema`, a JSON Schema as canonical JSON text.

    Cut by `max_tokens` it is marked (`finish` is `length`), never half a record taken as whole.
    """

    schema: str
    max_tokens: int


Constraint = LabelChoice | LabelSet | FreeText | JsonText
Asked = Literal["prompt", "question"]
Finish = Literal["choice", "stop", "length", "repeated"]


@dataclass(frozen=True, slots=True)
class TokenScore:
    """One emitted token: the bytes [start, end) of the answer in UTF-8 that it wrote.

    `logprob` is its natural-log probability among the whole vocabulary, before any constraint.
    """

    start: int
    end: int
    logprob: float


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row's question; `key` is its job id. `text` is data: special tokens in it are words.

    The parts of a long row are prompts with the same key.
    """

    key: int
    frame: Frame
    text: str
    constraint: Constraint


@dataclass(frozen=True, slots=True)
class Question:
    """One row for an engine that only talks: two turns, the answer as JSON valid for `schema`
    (canonical JSON text), at most `max_tokens` long."""

    key: int
    system: str
    user: str
    schema: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer took.

    `prompt_tokens` were read for this row alone, `shared_tokens` belong to a prefix read
    before and reused, `output_tokens` were forwarded to score or write the answer. `device_ms`
    is this row's share of the device time, by tokens, in milliseconds.
    """

    prompt_tokens: int = 0
    shared_tokens: int = 0
    output_tokens: int = 0
    device_ms: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        """Return what two answers took together."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.shared_tokens + other.shared_tokens,
            self.output_tokens + other.output_tokens,
            self.device_ms + other.device_ms,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to one prompt, or the code of the reason why there is none.

    For a `LabelChoice` `scores` holds (label, probability) in the order of the labels. Labels that
    could not win any more may be missing; `unopened` are then the probabilities of the groups they
    were in, each of which bounds every label in it. All of them sum to 1.
    For a `LabelSet` `scores` holds every label with the probability that it applies, and `text` is
    a JSON list of those for which that is 0.5 or more.
    For text and JSON `tokens` holds every token that was sampled or forced, in order, and `finish`
    says what ended the answer. The spans of `tokens` tile the answer: one that only ended it, or
    stands behind a stop string, wrote nothing (`start` = `end`).
    `asked` says what was answered: the prompt, or the question, whose answers are JSON always.
    `error` is one of `input_too_long`, `no_text`, `withdrawn` (taken back before it was finished,
    or the engine ended), `engine_failed` (this row, even alone); then `text` is None, `scores` and
    `tokens` are empty.
    """

    key: int
    text: str | None
    scores: tuple[tuple[str, float], ...] = ()
    unopened: tuple[float, ...] = ()
    confidence_source: ConfidenceSource = "none"
    usage: Usage = Usage()
    error: str | None = None
    tokens: tuple[TokenScore, ...] = ()
    finish: Finish | None = None
    asked: Asked = "prompt"
