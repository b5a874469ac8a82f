"""Rows go to loopback and private addresses only, unless a person trusts another one."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import ServiceError, SettingError
from workers.engines.openai.access import (
    Address,
    admit,
    check_addresses,
    is_own,
    read_address,
    read_key,
)
from workers.settings import ModelSection

PUBLIC = Address("http", "models.example", 80, "/v1")


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "172.31.0.1", "192.168.0.9", "fd00::5",
     "::ffff:10.0.0.1"],
)  # fmt: skip
def test_loopback_and_private_addresses_are_own(ip: str) -> None:
    """IPv4 inside IPv6 counts as what it is."""
    assert is_own(ip)


@pytest.mark.parametrize(
    "ip",
    ["8.8.8.8", "172.32.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "192.0.2.1",  # noqa: S104
     "2001:4860::8888", "fe80::1", "::ffff:8.8.8.8", "::", "nonsense", ""],
)  # fmt: skip
def test_everything_else_is_not(ip: str) -> None:
    """Link-local, shared, unspecified and test addresses are nobody's own network."""
    assert not is_own(ip)


@given(st.ip_addresses())
def test_what_the_world_can_reach_is_never_own(ip: object) -> None:
    """No address that is globally routed is taken for an own one."""
    if ipaddress.ip_address(str(ip)).is_global:
        assert not is_own(str(ip))


def test_one_public_address_of_several_refuses_the_host() -> None:
    """A name that means an own and a public address may mean the public one next time."""
    with pytest.raises(SettingError) as caught:
        admit(PUBLIC, "m", trusted=False, resolve=lambda host, port: ["10.0.0.1", "8.8.8.8"])
    assert caught.value.code == "server_not_own"
    assert caught.value.params["host"] == "models.example"


def test_a_trusted_host_may_be_anywhere() -> None:
    """Only a person can say so."""
    assert admit(PUBLIC, "m", trusted=True, resolve=lambda host, port: ["8.8.8.8"]) == ("8.8.8.8",)


def test_a_host_that_nobody_knows_is_a_service_that_is_down() -> None:
    """Its name may be there later: a container that starts."""

    def fail(host: str, port: int) -> Sequence[str]:
        raise OSError

    with pytest.raises(ServiceError) as caught:
        admit(PUBLIC, "m", trusted=True, resolve=fail)
    assert caught.value.code == "server_host_unknown"


def test_addresses_are_refused_without_asking_anybody() -> None:
    """Before a run a public address is refused by words that name it."""
    section = ModelSection(engine="openai", urls=("https://8.8.8.8/v1",))
    with pytest.raises(SettingError) as caught:
        check_addresses(section, "m")
    assert caught.value.code == "server_not_own"


@pytest.mark.parametrize(
    ("url", "shown", "path"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080", "/v1"),
        ("http://localhost:8080/", "localhost:8080", "/v1"),
        ("https://gpu.internal/llm/v1/", "gpu.internal:443", "/llm/v1"),
        ("http://[::1]:1234", "[::1]:1234", "/v1"),
    ],
)
def test_an_address_is_read(url: str, shown: str, path: str) -> None:
    """Without a path the usual one is meant."""
    address = read_address(url, "m")
    assert (address.shown, address.path) == (shown, path)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "http://u:p@h/v1", "http://h/v1?a=b", "http://h:99999", "ftp://h"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """The address itself is not shown: it may hold a password."""
    with pytest.raises(SettingError) as caught:
        read_address(url, "m")
    assert caught.value.code == "server_address_wrong"
    assert "p@" not in str(caught.value)


def test_the_key_comes_from_the_environment_alone() -> None:
    """The model's own variable beats the common one, and must then be set."""
    plain = ModelSection(engine="openai", urls=("http://127.0.0.1/v1",))
    own = plain.model_copy(update={"api_key_variable": "BIG_KEY"})
    environment = {"SEKISHO_OPENAI_API_KEY": "common", "BIG_KEY": "big"}
    assert read_key(plain, "m", {}) is None
    assert read_key(plain, "m", environment) == "common"
    assert read_key(own, "m", environment) == "big"
    with pytest.raises(SettingError) as caught:
        read_key(own, "m", {"SEKISHO_OPENAI_API_KEY": "common"})
    assert caught.value.code == "server_key_missing"
    with pytest.raises(SettingError) as caught:
        read_key(plain, "m", {"SEKISHO_OPENAI_API_KEY": "two words"})
    assert caught.value.code == "server_key_malformed"
    assert "two words" not in str(caught.value)
