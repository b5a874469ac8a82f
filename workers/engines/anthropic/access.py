"""What a call needs before it is made: a key, an address, and somebody who answers there."""

import os
from collections.abc import Mapping
from typing import Final

import anthropic
import httpx2

from jobs.address import read_secret
from jobs.errors import CloudAccountError, CloudBusyError, SettingError

KEY_VARIABLE: Final = "ANTHROPIC_API_KEY"
ADDRESS_VARIABLE: Final = "ANTHROPIC_BASE_URL"
DEFAULT_ADDRESS: Final = "https://api.anthropic.com"
CALL_PATH: Final = "/v1/messages"


def has_key(environment: Mapping[str, str] | None = None) -> bool:
    """Say whether the environment, or the file ANTHROPIC_API_KEY_FILE names, holds a key."""
    environment = os.environ if environment is None else environment
    return bool((read_secret(KEY_VARIABLE, environment) or "").strip())


def read_key(key: str | None = None) -> str:
    """Return the key, the environment's if none is given.

    Raises SettingError `no_cloud_key` or `cloud_key_malformed`.
    """
    key = ((read_secret(KEY_VARIABLE, os.environ) if key is None else key) or "").strip()
    if not key:
        raise SettingError("no_cloud_key", variable=KEY_VARIABLE)
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingError("cloud_key_malformed", variable=KEY_VARIABLE)
    return key


def read_address(address: str | None = None) -> str:
    """Return the address calls go to, the environment's if none is given, else the provider's.

    Raises SettingError `cloud_address_wrong` or `cloud_address_has_query`.
    """
    try:
        named = (address or os.environ.get(ADDRESS_VARIABLE) or "").strip()
        url = httpx2.URL(named or DEFAULT_ADDRESS)
    except httpx2.InvalidURL:
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise SettingError("cloud_address_wrong", variable=ADDRESS_VARIABLE)
    if url.query or url.fragment:  # the path of a call would be put behind it
        raise SettingError("cloud_address_has_query", variable=ADDRESS_VARIABLE)
    return str(url)


def name_host(address: str) -> str:
    """Return the host of an address, for people: never a user, a password or a path."""
    return httpx2.URL(address).host


def knock(address: str, model: str, *, seconds: float) -> None:
    """See whether somebody answers where calls go; no key and no row is sent.

    Raises CloudBusyError `cloud_unreachable` or CloudAccountError `cloud_redirects`.
    """
    status = None
    try:
        with anthropic.DefaultHttpxClient(follow_redirects=False, timeout=seconds) as client:
            status = client.head(f"{address.rstrip('/')}{CALL_PATH}").status_code
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
        pass
    # Raised here, so that no traceback shows an address with a password in it.
    if status is None:
        raise CloudBusyError("cloud_unreachable", model=model)
    if 300 <= status < 400:
        raise CloudAccountError("cloud_redirects", model=model, status=status)
