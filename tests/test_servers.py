"""What people see of a model's servers."""

from tests.standin.model_server import Speaker, run_model_server
from workers.models import ModelFile
from workers.servers import describe_server, look_at_servers
from workers.settings import ModelSection


def make_model(*urls: str) -> ModelFile:
    return ModelFile("big", None, ModelSection(engine="openai", urls=urls))


def test_each_server_is_shown_with_what_it_can_do() -> None:
    """Also the one that is away, with words; a key or a path is not among them."""
    with run_model_server() as server:
        away = server.url
    with run_model_server(Speaker("lm-studio", logprobs="null")) as server:
        good, bad = look_at_servers(make_model(server.url, away), "en")
    assert (good.dialect, good.schema, good.confidence_source) == (
        "lm-studio", "json_schema", "none",
    )  # fmt: skip
    assert "stand-in-7b by lm-studio" in describe_server(good, "en")
    assert bad.problem == "server_unreachable"
    assert bad.server in describe_server(bad, "en")
    assert set(good.data) == set(bad.data)


def test_servers_that_differ_are_a_problem_of_each() -> None:
    """Who looks sees it before a batch does."""
    with (
        run_model_server(Speaker("ollama", digest="one")) as first,
        run_model_server(Speaker("ollama", digest="two")) as second,
    ):
        states = look_at_servers(make_model(first.url, second.url), "en")
    assert [state.problem for state in states] == ["servers_differ"] * 2


def test_a_server_that_loads_is_shown_as_it_is_now() -> None:
    """Nobody who looks wants to wait."""
    with run_model_server(Speaker("llama-server", listing="loading")) as server:
        (state,) = look_at_servers(make_model(server.url), "en")
    assert state.problem == "server_loading"
