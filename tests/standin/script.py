"""What goes wrong, when, and what is answered."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

FaultKind = Literal[
    # turned away: not on the invoice
    "bad_request",  # 400
    "key_refused",  # 401
    "payment_required",  # 402
    "not_allowed",  # 403
    "too_large",  # 413
    "rate_limited",  # 429 with Retry-After
    "spend_limit",  # 429 that no retry will help
    "server_error",  # 500
    "overloaded",  # 529
    "hang",  # no reply, never accepted
    "drop",  # the connection ends, never accepted
    # accepted: on the invoice, though the reply is not seen
    "server_error_accepted",
    "hang_accepted",
    "drop_accepted",
    "cut_body",  # half of the reply
    "unreadable",  # a reply that is not JSON
    # accepted, and the reply is seen
    "refusal",  # before any output: tokens are reported, nothing is charged
    "refusal_midway",  # after some output: charged
    "max_tokens",  # half of the answer
    "garbage",  # an answer that is not JSON
]

Oracle = Mapping[str, Any] | Callable[[str], Any]
"""Row text -> the answer to give (any JSON value); None, or no entry: one that fits the schema."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, for request number `ordinal` (from 1, by arrival), for every
    `every`th one, or for every one whose user turn holds `marker`; `times` limits how often."""

    kind: FaultKind
    ordinal: int | None = None
    every: int | None = None
    marker: str | None = None
    times: int | None = None
    retry_after_seconds: float = 1

    def fits(self, ordinal: int, text: str) -> bool:
        """Say whether a request is meant; a fault that names nobody means all."""
        return (
            (self.ordinal is None or self.ordinal == ordinal)
            and (self.every is None or ordinal % self.every == 0)
            and (self.marker is None or self.marker in text)
        )


@dataclass(frozen=True, slots=True)
class Script:
    """Faults (the first that fits is taken), the answers, and the one key that is valid (None:
    any)."""

    faults: tuple[Fault, ...] = ()
    oracle: Oracle = field(default_factory=dict)
    key: str | None = None

    def answer(self, text: str) -> Any:
        """Return the oracle's answer: for the whole user turn, else for the longest text in it."""
        if callable(self.oracle):
            return self.oracle(text)
        if text in self.oracle:
            return self.oracle[text]
        within = [known for known in self.oracle if known in text]
        return self.oracle[max(within, key=len)] if within else None


def read_script(text: str) -> Script:
    """Read a script from JSON text, or from the file named after an @."""
    data = json.loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    faults = tuple(Fault(**fault) for fault in data.pop("faults", ()))
    return Script(faults=faults, **data)
