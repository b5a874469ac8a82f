"""What the SDK's errors mean for a row: try later, never, ask a person, or maybe paid."""

import contextlib
import email.utils
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import anthropic
import httpx2

from jobs.errors import (
    CloudAccountError,
    CloudAmbiguousError,
    CloudBusyError,
    CloudError,
    CloudRowError,
)

NOT_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)
"""What fails before a byte of the request is on its way."""

SPEND_LIMIT: Final = "spend_limit_reached"
ACCOUNT_CODES: Final = frozenset({"organization_on_hold", "workspace_policy_violation"})

BY_STATUS: Final[Mapping[int, tuple[type[CloudError], str]]] = MappingProxyType(
    {
        400: (CloudRowError, "cloud_bad_request"),
        401: (CloudAccountError, "cloud_key_refused"),
        402: (CloudAccountError, "cloud_payment_required"),
        403: (CloudAccountError, "cloud_not_allowed"),
        404: (CloudAccountError, "cloud_model_refused"),
        408: (CloudAmbiguousError, "cloud_timeout"),
        409: (CloudBusyError, "cloud_overloaded"),
        413: (CloudRowError, "cloud_too_large"),
        429: (CloudBusyError, "cloud_rate_limited"),
        499: (CloudAmbiguousError, "cloud_connection_lost"),
        529: (CloudBusyError, "cloud_overloaded"),
    }
)
"""Nothing is charged for a request that was turned away. Whether a failing server (500 to 504)
had charged for it already, nobody says: ambiguous."""

MAX_RETRY_AFTER_SECONDS: Final = 86_400.0


def explain(error: anthropic.AnthropicError, model: str) -> CloudError:
    """Return what an error of the SDK means, without its words, which may quote the row."""
    if isinstance(error, anthropic.APIStatusError):
        return _explain_status(error, model)
    if isinstance(error, anthropic.APIConnectionError):
        if isinstance(error.__cause__, NOT_SENT):
            return CloudBusyError("cloud_unreachable", model=model)
        timed_out = isinstance(error, anthropic.APITimeoutError)
        code = "cloud_timeout" if timed_out else "cloud_connection_lost"
        return CloudAmbiguousError(code, model=model)
    return CloudAmbiguousError("cloud_reply_unreadable", model=model, request_id=None)


def _explain_status(error: anthropic.APIStatusError, model: str) -> CloudError:
    status, provider_code = error.status_code, error.error_code or error.type
    kind: type[CloudError]
    if provider_code is not None and provider_code.endswith(SPEND_LIMIT):
        kind, code = CloudAccountError, "cloud_spend_limit"
    elif error.type == "billing_error":
        kind, code = CloudAccountError, "cloud_payment_required"
    elif status < 400:  # not the provider, and not followed: it would take the row elsewhere
        kind, code = CloudAccountError, "cloud_redirects"
    elif status == 404 and error.type is None:  # the provider says what it does not find
        kind, code = CloudAccountError, "cloud_not_there"
    elif provider_code in ACCOUNT_CODES:
        kind, code = CloudAccountError, "cloud_not_allowed"
    elif status >= 500:
        kind, code = BY_STATUS.get(status, (CloudAmbiguousError, "cloud_server_error"))
    else:
        kind, code = BY_STATUS.get(status, BY_STATUS[400])
    return kind(
        code,
        model=model,
        status=status,
        provider_code=provider_code,
        request_id=error.request_id,
        retry_after_seconds=read_retry_after(error.response.headers),
    )


def read_retry_after(headers: httpx2.Headers) -> float | None:
    """Return the seconds a provider asks to wait, at least 0; None where it says nothing."""
    seconds: float | None = None
    with contextlib.suppress(ValueError):
        seconds = float(headers.get("retry-after-ms", "")) / 1000
    stated = headers.get("retry-after", "")
    if seconds is None:
        with contextlib.suppress(ValueError):
            seconds = float(stated)
    if seconds is None:
        moment = email.utils.parsedate_tz(stated)
        seconds = None if moment is None else email.utils.mktime_tz(moment) - time.time()
    if seconds is None or seconds != seconds:  # noqa: PLR0124 - not a number
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
