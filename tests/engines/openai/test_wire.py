"""The wire follows no redirect, uses no proxy, sends the key to its server, and never hangs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from tests.standin.model_server import Speaker, Trouble, run_model_server
from workers.engines.openai.access import read_address
from workers.engines.openai.wire import Heard, Wire, WireError

BODY = {"messages": [{"content": "{}"}, {"content": "hi"}]}
T = TypeVar("T")


def use(url: str, what: Callable[[Wire], Awaitable[T]], *, key: str | None = None) -> T:
    """Open a wire, use it and close it, in an event loop of its own."""

    async def run() -> T:
        wire = Wire(read_address(url, "m"), ["127.0.0.1"], key=key, timeout_seconds=0.5)
        try:
            return await what(wire)
        finally:
            await wire.close()

    return asyncio.run(run())


def ask(wire: Wire) -> Awaitable[Heard]:
    return wire.call("chat/completions", BODY)


@pytest.mark.parametrize("trouble", ["html", "half"])
def test_what_is_no_json_is_heard_as_nothing(trouble: Trouble) -> None:
    """A page of HTML and half a JSON have a status and no data."""
    with run_model_server(Speaker(trouble=lambda text, number: trouble)) as server:
        assert use(server.url, ask) == Heard(200, None)


def test_a_redirect_is_not_followed() -> None:
    """It would take the row to a place nobody named."""
    with run_model_server(Speaker(trouble=lambda text, number: "redirect")) as server:
        assert use(server.url, ask).status == 307
        assert server.speaker.asked == 1


@pytest.mark.parametrize(("trouble", "named"), [("hang", "timeout"), ("reset", "lost")])
def test_a_call_without_a_reply_ends(trouble: Trouble, named: str) -> None:
    """A server that says nothing, or hangs up, is told apart from one that is not there."""
    with run_model_server(Speaker(trouble=lambda text, number: trouble)) as server:
        with pytest.raises(WireError) as caught:
            use(server.url, ask)
        assert caught.value.trouble == named


def test_nobody_there_is_said() -> None:
    """The port of a server that has ended takes no connection."""
    with run_model_server() as server:
        url = server.url
    with pytest.raises(WireError) as caught:
        use(url, ask)
    assert caught.value.trouble == "unreachable"


def test_the_key_and_the_host_are_sent_and_no_proxy_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection goes to the admitted address; the environment's proxy never sees the row."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with run_model_server(Speaker(trouble=lambda text, number: "html")) as server:
        named = server.url.replace("127.0.0.1", "models.internal")
        assert use(named, ask, key="secret").status == 200
        headers = server.speaker.headers[0]
    assert headers["authorization"] == "Bearer secret"
    assert headers["host"].startswith("models.internal:")


def test_the_next_address_is_tried_where_one_takes_no_connection() -> None:
    """A host with several addresses may listen on one of them only."""
    with run_model_server(Speaker(trouble=lambda text, number: "html")) as server:

        async def run() -> Heard:
            wire = Wire(read_address(server.url, "m"), ["127.0.0.77", "127.0.0.1"])
            try:
                return await wire.call("chat/completions", BODY)
            finally:
                await wire.close()

        assert asyncio.run(run()).status == 200
