"""Where a model server is and whether rows may go there: only the company's own, unless trusted."""

import ipaddress
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from jobs.address import read_secret
from jobs.errors import ServiceError, SettingError
from workers.settings import ModelSection

KEY_VARIABLE: Final = "SEKISHO_OPENAI_API_KEY"
DEFAULT_PATH: Final = "/v1"
PORTS: Final = {"http": 80, "https": 443}
OWN_NETWORKS: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",  # RFC 1918
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",  # RFC 4193
    )
)
"""Loopback and private addresses. Link-local, shared (RFC 6598) and test networks are none."""

Resolve = Callable[[str, int], Sequence[str]]
"""Turns a host and a port into IP addresses; raises OSError."""


@dataclass(frozen=True, slots=True)
class Address:
    """A server: `path` is that of its API (`/v1`), without a slash at the end."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def shown(self) -> str:
        """Host and port, for people."""
        return f"{_bracket(self.host)}:{self.port}"

    def at(self, ip: str) -> str:
        """Return the URL of the server's root at one of its IP addresses."""
        return f"{self.scheme}://{_bracket(ip)}:{self.port}"


def read_address(url: str, model: str) -> Address:
    """Read one of the `urls` of a model; without a path it is that of `/v1`.

    Raises SettingError `server_address_wrong`.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urlsplit(""), 0
    extra = parts.query or parts.fragment or "@" in parts.netloc
    if not port or not parts.hostname or extra:
        raise SettingError("server_address_wrong", model=model)
    return Address(parts.scheme, parts.hostname, port, parts.path.rstrip("/") or DEFAULT_PATH)


def is_own(ip: str) -> bool:
    """Say whether an IP address is a loopback or private one."""
    try:
        found = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    found = found if mapped is None else mapped
    return any(found in network for network in OWN_NETWORKS)


def look_up(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses of a host, those of version 4 first; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ips = dict.fromkeys(str(entry[4][0]) for entry in found)
    return sorted(ips, key=lambda ip: ":" in ip)


def admit(
    address: Address, model: str, *, trusted: bool, resolve: Resolve = look_up
) -> tuple[str, ...]:
    """Return the IP addresses that rows may go to: all that the host has, or none.

    Raises SettingError `server_not_own` if one of them is neither loopback nor private, and
    ServiceError `server_host_unknown` for a name nobody knows.
    """
    try:
        ips = tuple(resolve(address.host, address.port))
    except (OSError, UnicodeError):
        ips = ()
    if not ips:
        raise ServiceError("server_host_unknown", model=model, host=address.host)
    if not trusted and not all(is_own(ip) for ip in ips):
        raise SettingError("server_not_own", model=model, host=address.host)
    return ips


def check_addresses(section: ModelSection, model: str) -> None:
    """Refuse a model whose servers are not to be asked; nothing is sent.

    Raises SettingError; a host that is not known now may be known later.
    """
    for url in section.urls:
        address = read_address(url, model)
        try:
            admit(address, model, trusted=section.trusted)
        except ServiceError:
            continue


def read_key(
    section: ModelSection, model: str, environment: Mapping[str, str] | None = None
) -> str | None:
    """Return the key for a model's servers, None where none is set.

    Raises SettingError `server_key_missing` where the model names a variable that is empty, and
    `server_key_malformed`.
    """
    environment = os.environ if environment is None else environment
    variable = section.api_key_variable or KEY_VARIABLE
    key = (read_secret(variable, environment) or "").strip()
    if not key and section.api_key_variable:
        raise SettingError("server_key_missing", model=model, variable=variable)
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingError("server_key_malformed", variable=variable)
    return key or None


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host
