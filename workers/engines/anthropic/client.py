"""One question, one call, one reply; what went wrong comes as an error of `jobs.errors`."""

import contextlib
import logging
from collections.abc import Mapping
from typing import Final

import anthropic
import httpx2
from anthropic.types import Message

from jobs.cloud import CloudFinish, CloudReply, CloudUsage
from jobs.errors import CloudAmbiguousError
from jobs.prompt import Question
from workers.engines.anthropic.access import read_address, read_key
from workers.engines.anthropic.failures import explain
from workers.engines.anthropic.request import build_request, max_output_tokens

CONNECT_SECONDS: Final = 10.0
CHATTY: Final = ("anthropic", "httpx2", "httpcore2")
"""Loggers that write bodies or headers at `debug`."""

FINISHES: Final[Mapping[str | None, CloudFinish]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "refusal": "refusal",
}
"""Every other reason (max_tokens, the context is full) leaves half an answer."""


class Anthropic:
    """Asks one model; safe to use from several threads.

    `api_key` and `base_url` default to ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL, as the SDK has
    them, the key also to the content of ANTHROPIC_API_KEY_FILE. Nothing is retried here. Raises
    SettingError `no_cloud_key`, `cloud_key_malformed` or `cloud_address_wrong`.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = 120,
        client: anthropic.Anthropic | None = None,
    ) -> None:
        self.model = model
        for name in CHATTY:
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.WARNING))
        timeout = httpx2.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds))
        if client is not None:
            self._client = client.with_options(max_retries=0, timeout=timeout)
            return
        self._client = anthropic.Anthropic(
            api_key=read_key(api_key),
            base_url=read_address(base_url),
            timeout=timeout,
            max_retries=0,
            open_telemetry=False,  # spans may carry content
            # A redirect would take the row to a place nobody named.
            http_client=anthropic.DefaultHttpxClient(follow_redirects=False),
        )

    def __repr__(self) -> str:
        return f"Anthropic(model={self.model!r})"

    def max_output_tokens(self, question: Question) -> int:
        """Return the most tokens an answer can be charged for: what a reservation must hold."""
        return max_output_tokens(self.model, question)

    def ask(self, question: Question) -> CloudReply:
        """Send one question and return the reply that was seen.

        Raises CloudBusyError (not taken, not charged: later), CloudRowError (never this row),
        CloudAccountError (no row until a person acts), CloudAmbiguousError (maybe charged), and
        SpecError `cloud_schema_unfit` before anything is sent.
        """
        request = build_request(self.model, question)
        try:
            raw = self._client.messages.with_raw_response.create(**request)
        except anthropic.AnthropicError as error:
            failure = explain(error, self.model)
        else:
            return self._read(raw)
        # Raised here, so that no traceback shows the SDK's error, its request and the key.
        raise failure

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _read(self, raw: "anthropic.APIResponse[Message]") -> CloudReply:
        request_id = raw.headers.get("request-id")
        reply = None
        # A body that is no message; the error about it would quote it.
        with contextlib.suppress(ValueError, TypeError, AttributeError, anthropic.AnthropicError):
            reply = read_message(raw.parse(), request_id)
        if reply is None:
            raise CloudAmbiguousError(
                "cloud_reply_unreadable",
                model=self.model,
                status=raw.status_code,
                request_id=request_id,
            )
        return reply


def read_message(message: Message, request_id: str | None) -> CloudReply:
    """Turn a message into a reply; raises ValueError where it does not say what it cost."""
    usage = _read_usage(message)
    finish = FINISHES.get(message.stop_reason, "length")
    if finish == "refusal":
        # A refusal before any output reports its tokens, but is not charged for them.
        usage = usage if message.content else CloudUsage()
        text = ""
    else:
        text = "".join(block.text for block in message.content if block.type == "text")
    return CloudReply(text, finish, usage, message.model, request_id, message.usage.service_tier)


def _read_usage(message: Message) -> CloudUsage:
    usage = message.usage
    written = _count(usage.cache_creation_input_tokens or 0)
    split = usage.cache_creation
    written_1h = 0 if split is None else _count(split.ephemeral_1h_input_tokens)
    if written_1h > written:
        raise ValueError("more tokens cached for an hour than at all")
    return CloudUsage(
        input_tokens=_count(usage.input_tokens),
        output_tokens=_count(usage.output_tokens),
        cache_write_5m_tokens=written - written_1h,
        cache_write_1h_tokens=written_1h,
        cache_read_tokens=_count(usage.cache_read_input_tokens or 0),
    )


def _count(value: object) -> int:
    """Return a number of tokens; the SDK itself does not check what it was sent."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("no number of tokens")
    return value
