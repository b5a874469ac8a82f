"""From the settings of a model to an engine over its servers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jobs.errors import SekishoError, ServiceError, SettingError
from tests.engines.openai.asking import ask_all
from tests.standin.model_server import Speaker, Trouble, run_model_server
from workers.engines.openai import ask_servers, load_servers
from workers.engines.openai.engine import ServerEngine
from workers.settings import ModelSection


@contextmanager
def loaded(*urls: str, **keys: object) -> Iterator[ServerEngine]:
    """Yield the engine of a model with these servers, closed with the block."""
    engine = load_servers("big", section(*urls, **keys), threading.Event())
    try:
        yield engine
    finally:
        engine.close()


def section(*urls: str, **keys: object) -> ModelSection:
    return ModelSection.model_validate({"engine": "openai", "urls": urls, **keys})


def fail(*urls: str, **keys: object) -> SekishoError:
    with pytest.raises(SekishoError) as caught:
        load_servers("big", section(*urls, **keys), threading.Event())
    return caught.value


def test_an_engine_says_who_answers() -> None:
    """Name, fingerprint, context, and what stands in `sekisho workers` for its device."""
    with run_model_server(Speaker("llama-server")) as server, loaded(server.url) as engine:
        model = engine.model
        assert ask_all(engine, ["where is it"])[0].error is None
    assert (model.name, model.context_tokens, len(model.file_hash)) == ("big", 4096, 64)
    assert model.numerics == "llama-server b7000-abc, json_schema, token_logprobs"
    assert model.place == "llama-server, token_logprobs"


def test_the_smallest_context_counts_and_settings_may_narrow_it() -> None:
    """A part of a long text must fit every server it may be sent to."""
    with (
        run_model_server(Speaker(context_tokens=4096)) as first,
        run_model_server(Speaker(context_tokens=2048)) as second,
    ):
        with loaded(first.url, second.url) as engine:
            assert engine.model.context_tokens == 2048
        with loaded(first.url, context_tokens=1024) as engine:
            assert engine.model.context_tokens == 1024


def test_where_no_server_tells_the_settings_say_how_long_a_text_may_be() -> None:
    """Else a small context is assumed."""
    with run_model_server(Speaker("llama-cpp-python")) as server:
        with loaded(server.url) as engine:
            assert engine.model.context_tokens == 4096
        with loaded(server.url, context_tokens=8192) as engine:
            assert engine.model.context_tokens == 8192


def test_a_server_that_is_away_joins_later_and_the_others_begin() -> None:
    """One of two is enough to start."""
    with run_model_server() as server:
        away = server.url
    with run_model_server() as server, loaded(away, server.url) as engine:
        assert ask_all(engine, ["where is it"])[0].error is None


def test_without_any_server_it_is_said_which_is_missing() -> None:
    """A service that is down: exit status 3, nothing is lost."""
    with run_model_server() as server:
        url = server.url
    error = fail(url)
    assert isinstance(error, ServiceError)
    assert error.code == "server_unreachable"
    assert str(error.params["host"]) in url


def test_servers_of_one_model_must_serve_the_same() -> None:
    """Else a row's answer would hang on chance."""
    with (
        run_model_server(Speaker("ollama", digest="one")) as first,
        run_model_server(Speaker("ollama", digest="two")) as second,
    ):
        assert fail(first.url, second.url).code == "servers_differ"


def test_a_wrong_server_among_good_ones_is_said() -> None:
    """A setting that is wrong stays wrong: it is not left out silently."""
    with run_model_server() as good, run_model_server(Speaker(models=["a", "b"])) as bad:
        assert fail(good.url, bad.url).code == "server_many_models"


def test_a_server_that_loads_is_waited_for() -> None:
    """It is said once, and the work begins when it is ready."""
    speaker = Speaker("llama-server", listing="loading")
    said = []

    def on_wait() -> None:
        said.append(1)
        speaker.listing = None

    with run_model_server(speaker) as server:
        engine = load_servers("big", section(server.url), threading.Event(), on_wait)
        engine.close()
    assert said == [1]


@pytest.mark.parametrize(
    ("listing", "code"), [("loading", "server_loading"), ("busy", "server_busy")]
)
def test_waiting_has_an_end(listing: Trouble, code: str) -> None:
    """After `load_seconds`, or when the worker is to stop."""
    with run_model_server(Speaker("llama-server", listing=listing)) as server:
        assert fail(server.url, load_seconds=0).code == code


def test_a_public_address_is_not_asked() -> None:
    """Nothing is sent; `trusted` is a person's word that it may be."""
    with pytest.raises(SettingError) as caught:
        ask_servers(
            "big",
            section("http://models.example/v1"),
            threading.Event(),
            resolve=lambda host, port: ["8.8.8.8"],
        )
    assert caught.value.code == "server_not_own"


def test_the_key_is_sent_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that wants one gets it; without it the words name the variable."""
    with run_model_server(Speaker(key="s3cret")) as server:
        assert fail(server.url).code == "server_key_refused"
        monkeypatch.setenv("SEKISHO_OPENAI_API_KEY", "s3cret")
        with loaded(server.url) as engine:
            assert ask_all(engine, ["where is it"])[0].error is None
        monkeypatch.setenv("SEKISHO_OPENAI_API_KEY", "wr0ng")
        assert "wr0ng" not in str(fail(server.url))
    assert "s3cret" not in caplog.text
