"""What the stand-in charges: its own list prices, in whole nano-USD per token, and its book."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

# nano-USD per token: read, written, written to the cache for 5 minutes, for 1 hour, read from it.
LIST = MappingProxyType(
    {
        "claude-haiku-5-5": (100, 500, 125, 200, 10),
        "claude-haiku-4-5": (1_000, 5_000, 1_250, 2_000, 100),
        "claude-sonnet-5-5": (2_000, 10_000, 2_500, 4_000, 100),
        "claude-opus-5-5": (4_000, 20_000, 5_000, 8_000, 200),
        "claude-fable-5-2": (8_000, 40_000, 10_000, 16_000, 200),
    }
)
LONG_PROMPT_TOKENS = MappingProxyType({"claude-haiku-5-5": (100_000, 5)})


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted request; `answered` says whether the reply was handed over whole."""

    ordinal: int
    request_id: str
    model: str
    body: dict[str, Any]
    input_tokens: int
    output_tokens: int
    cost_nano_usd: int
    stop_reason: str
    answered: bool


def charge(model: str, input_tokens: int, output_tokens: int) -> int:
    """Return the nano-USD of one request without a cache."""
    read, written, *_ = LIST[model]
    over, times = LONG_PROMPT_TOKENS.get(model, (input_tokens, 1))
    return (input_tokens * read + output_tokens * written) * (times if input_tokens > over else 1)
