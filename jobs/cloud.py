"""What a cloud answers to a question, and what it charges for it; frozen."""

from dataclasses import dataclass
from typing import Final, Literal

from jobs.prompt import Question

CloudMode = Literal["realtime", "batch"]
CloudFinish = Literal["stop", "length", "refusal"]

BOUND_OVERHEAD_TOKENS: Final = 1_000  # roles, and the words in which a provider wraps a schema
BOUND_SCHEMA_COPIES: Final = 3  # a schema is sent with its limits as words, and echoed to the model


@dataclass(frozen=True, slots=True)
class CloudUsage:
    """Tokens a provider charges for one call.

    `input_tokens` excludes what was written to or read from the cache; `prompt_tokens` is all.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_read_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """The whole prompt, cached or not: what decides about a long-context price."""
        written = self.cache_write_5m_tokens + self.cache_write_1h_tokens
        return self.input_tokens + written + self.cache_read_tokens


@dataclass(frozen=True, slots=True)
class CloudReply:
    """A reply that was seen.

    `text` is the answer, not yet read by its task; a refusal has none. `finish` `length` marks
    an answer that was cut off. `usage` is what is charged: nothing for a refusal before any
    output. `model` is the name the provider answered with, `request_id` the provider's own.
    """

    text: str
    finish: CloudFinish
    usage: CloudUsage
    model: str
    request_id: str | None = None
    service_tier: str | None = None


def bound_usage(question: Question, max_output_tokens: int) -> CloudUsage:
    """Return more tokens than a question can ever be charged for, for a reservation.

    A token is at least one byte of UTF-8. `max_output_tokens` is what the engine really asks
    for, which may be more than the question's own limit (`Anthropic.max_output_tokens`).
    """
    words = _count_bytes(question.system) + _count_bytes(question.user)
    schema = BOUND_SCHEMA_COPIES * _count_bytes(question.schema)
    return CloudUsage(
        input_tokens=BOUND_OVERHEAD_TOKENS + words + schema, output_tokens=max_output_tokens
    )


def _count_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
