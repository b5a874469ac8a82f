"""What a reply means: an answer, later, too long, never this row, nobody, or a fault. Pure.

The servers' own words are looked at here and go no further: they may quote the row.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from workers.engines.openai.wire import Heard

Kind = Literal["answer", "busy", "loading", "too_long", "row_refused", "not_served", "fault"]

TOO_LONG: Final = re.compile(
    r"context (?:length|size|window)|maximum context|exceeds? the (?:available|maximum) context"
    r"|input (?:length|is) (?:exceeds|too long)|prompt is too long|context overflow"
    r"|exceed_context_size_error|context_length_exceeded",
    re.IGNORECASE,
)
"""As llama.cpp, vLLM, TensorRT-LLM, Ollama and LM Studio say it, whatever the status."""
LOADING: Final = re.compile(r"loading|not ready|starting", re.IGNORECASE)
BUSY: Final = frozenset({429, 503, 529})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reply means; `code` has words for people, None where there is an answer."""

    kind: Kind
    code: str | None = None
    retry_after_seconds: float | None = None


def explain(heard: Heard) -> Meaning:
    """Return what a reply to a question means."""
    status, error = heard.status, find_error(heard.data)
    if status == 200 and error is None:
        good = isinstance(heard.data, dict) and isinstance(heard.data.get("choices"), list)
        return Meaning("answer") if good else Meaning("fault", "server_nonsense")
    if status == 200 or 300 <= status < 400 or heard.data is None:
        return _explain_strange(heard)
    said = error or ""
    if TOO_LONG.search(said):
        return Meaning("too_long")
    if status == 503 and LOADING.search(said):
        return Meaning("loading", "server_loading", heard.retry_after_seconds)
    return _explain_status(heard)


def find_error(data: Any) -> str | None:
    """Return the words of an error in a body, whatever its status; None where there is none."""
    if not isinstance(data, dict):
        return None
    error = data.get("error", data.get("detail"))
    if isinstance(error, dict):
        parts = (error.get(name) for name in ("type", "code", "message"))
        return " ".join(str(part) for part in parts if part is not None)
    if data.get("object") == "error":  # older vLLM
        return f"{data.get('type')} {data.get('message')}"
    return None if error is None else str(error)


def _explain_strange(heard: Heard) -> Meaning:
    """A 200 that is none, a redirect, or an error without JSON: a proxy's page, half a body."""
    if 300 <= heard.status < 400:
        return Meaning("not_served", "server_redirects")
    if heard.status != 200:
        return _explain_status(heard)
    return Meaning("fault", "server_nonsense")


def _explain_status(heard: Heard) -> Meaning:
    status = heard.status
    if status in BUSY:
        return Meaning("busy", "server_busy", heard.retry_after_seconds)
    if status in (401, 403):
        return Meaning("not_served", "server_key_refused")
    if status in (404, 405):
        return Meaning("not_served", "server_serves_not")
    if status in (400, 413, 422):
        return Meaning("row_refused", "server_refused")
    return Meaning("fault", "server_error")
