"""HTTP to one server: no redirects, no proxies, no retries; the one owner of the HTTP client here.

A connection goes to an IP address that was admitted, whatever the host's name means by then.
"""

import asyncio
import contextlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx2

from workers.engines.openai.access import Address

CONNECT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 10.0
"""How long a server may take to say something about itself."""
BODY_BYTES: Final = 16_000_000
"""No answer to one row is longer; a server that goes on and on answers nonsense."""
MAX_RETRY_AFTER_SECONDS: Final = 300.0

CHATTY: Final = ("httpx2", "httpcore2")
"""Loggers that write addresses and headers."""

Trouble = Literal["unreachable", "timeout", "lost", "unreadable"]


class WireError(Exception):
    """No reply: nobody answers there, not in time, not to the end, or not in HTTP and JSON."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        super().__init__(trouble)


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply: `data` is its JSON, None where it is none (a page of HTML, half a JSON)."""

    status: int
    data: Any
    retry_after_seconds: float | None = None


class Wire:
    """Speaks to one server, at the first of its IP addresses that takes the connection."""

    def __init__(
        self,
        address: Address,
        ips: Sequence[str],
        *,
        key: str | None = None,
        timeout_seconds: float = 120.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        for name in CHATTY:
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.WARNING))
        self.address = address
        self._ips = list(ips)
        self._timeout_seconds = timeout_seconds
        headers = {"Host": _host_header(address), "Accept": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._client = httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(None, connect=min(CONNECT_SECONDS, timeout_seconds)),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"Wire({self.address.shown})"

    def move(self, ips: Sequence[str]) -> None:
        """Go to other IP addresses from now on: the host's name was looked up again."""
        self._ips = list(ips)

    async def look(self, path: str) -> Heard:
        """Return what stands under a path from the root; raises WireError."""
        return await self._tell("GET", path, None, LOOK_SECONDS)

    async def call(
        self, name: str, body: Mapping[str, Any], *, most_seconds: float = math.inf
    ) -> Heard:
        """Post JSON to a function of the API; raises WireError."""
        path = f"{self.address.path}/{name}"
        return await self._tell("POST", path, body, min(self._timeout_seconds, most_seconds))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _tell(
        self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float
    ) -> Heard:
        for ip in list(self._ips):
            with contextlib.suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                heard = await self._tell_at(ip, method, path, body, seconds)
                if self._ips[0] != ip:
                    self._ips = [ip, *(other for other in self._ips if other != ip)]
                return heard
        # Raised here, so that no traceback shows the request and the key.
        raise WireError("unreachable")

    async def _tell_at(
        self, ip: str, method: str, path: str, body: Mapping[str, Any] | None, seconds: float
    ) -> Heard:
        trouble: Trouble
        request = self._client.build_request(
            method,
            self.address.at(ip) + path,
            content=None if body is None else json.dumps(body).encode(),
            headers=None if body is None else {"Content-Type": "application/json"},
            extensions={"sni_hostname": self.address.host},
        )
        try:
            async with asyncio.timeout(seconds):
                response = await self._client.send(request, stream=True)
                try:
                    content = await _read(response)
                finally:
                    await response.aclose()
            return Heard(response.status_code, _parse(content), _read_retry_after(response.headers))
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout):
            trouble = "timeout"
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise
        except (httpx2.DecodingError, httpx2.UnsupportedProtocol, _TooMuchError):
            trouble = "unreadable"
        except (httpx2.HTTPError, OSError):
            trouble = "lost"
        raise WireError(trouble)


class _TooMuchError(Exception):
    """A body without end."""


async def _read(response: httpx2.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > BODY_BYTES:
            raise _TooMuchError
    return bytes(content)


def _parse(content: bytes) -> Any:
    """Return JSON as Python, None for anything else."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _read_retry_after(headers: httpx2.Headers) -> float | None:
    """Return the seconds a server asks to wait; a date is not understood, and waited as usual."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS) if math.isfinite(seconds) else None


def _host_header(address: Address) -> str:
    usual = {"http": 80, "https": 443}[address.scheme]
    host = f"[{address.host}]" if ":" in address.host else address.host
    return host if address.port == usual else f"{host}:{address.port}"
