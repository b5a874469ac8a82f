"""What a probe finds at each server, and how it says what is wrong with one."""

import pytest

from jobs.errors import ModelError, SekishoError, ServiceError, SettingError
from tests.engines.openai.asking import find_out, with_wire
from tests.standin.model_server import FORMS, Kind, Speaker, Trouble, run_model_server
from workers.engines.openai.probe import NotReadyError, is_well

KINDS: tuple[Kind, ...] = tuple(FORMS)


def fail(speaker: Speaker, wanted: str | None = None) -> SekishoError:
    """Return the error a probe ends with."""
    with run_model_server(speaker) as server, pytest.raises(SekishoError) as caught:
        find_out(server.url, wanted)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_each_server_is_recognised_and_asked_in_its_own_form(kind: Kind) -> None:
    """The schema is handed over in the one form that holds the answer to it."""
    with run_model_server(Speaker(kind)) as server:
        profile = find_out(server.url)
    assert profile.identity.dialect == kind
    assert profile.form == FORMS[kind]
    assert profile.identity.model == "stand-in-7b"
    assert profile.confidence_source == "token_logprobs"


@pytest.mark.parametrize(
    ("kind", "version", "context_tokens"),
    [
        ("llama-server", "b7000-abc", 4096),
        ("ollama", "0.40.1", 4096),
        ("lm-studio", "", 4096),
        ("vllm", "0.12.0", 4096),
        ("nim", "1.13.0", 4096),
        ("llama-cpp-python", "", None),
    ],
)
def test_version_and_context_are_what_the_server_says(
    kind: Kind, version: str, context_tokens: int | None
) -> None:
    """The context it runs with, not the one its model was trained for; None where it is silent."""
    with run_model_server(Speaker(kind)) as server:
        identity = find_out(server.url).identity
    assert (identity.version, identity.context_tokens) == (version, context_tokens)
    assert identity.slots == (3 if kind == "llama-server" else None)


def test_a_schema_that_is_taken_and_ignored_is_put_into_words() -> None:
    """A server that says yes to everything is found out by a word nobody says unforced."""
    with run_model_server(Speaker("vllm", enforces=False)) as server:
        assert find_out(server.url).form == "json_object"


@pytest.mark.parametrize("logprobs", ["null", "error", "sure"])
def test_confidence_is_unknown_where_the_server_does_not_tell(logprobs: str) -> None:
    """LM Studio's null, a refusal, and numbers taken after the schema had decided."""
    with run_model_server(Speaker("lm-studio", logprobs=logprobs)) as server:  # type: ignore[arg-type]
        profile = find_out(server.url)
    assert profile.confidence_source == "none"
    assert profile.form == "json_schema"


@pytest.mark.parametrize("faults", [1, 2, 3])
def test_a_server_that_was_unwell_for_a_moment_loses_no_ability(faults: int) -> None:
    """It is looked at again: else a whole night would go without schema and confidence."""

    def decide(text: str, number: int) -> Trouble | None:
        return "error" if number <= faults else None

    with run_model_server(Speaker("vllm", trouble=decide)) as server:
        profile = find_out(server.url)
    assert (profile.form, profile.confidence_source) == (FORMS["vllm"], "token_logprobs")


def test_two_models_need_a_name() -> None:
    """The names there are stand in the words."""
    error = fail(Speaker(models=["a", "b"]))
    assert isinstance(error, ModelError)
    assert (error.code, error.params["known"]) == ("server_many_models", "a, b")
    error = fail(Speaker(models=["a", "b"]), "c")
    assert (error.code, error.params["wanted"]) == ("server_model_missing", "c")
    with run_model_server(Speaker(models=["a", "b"])) as server:
        assert find_out(server.url, "b").identity.model == "b"


def test_a_name_without_a_tag_is_ollamas_latest() -> None:
    """As its own command line has it."""
    with run_model_server(Speaker("ollama", models=["qwen3:latest", "other:1b"])) as server:
        assert find_out(server.url, "qwen3").identity.model == "qwen3:latest"


def test_a_list_without_models_is_said() -> None:
    """Nothing is loaded there."""
    assert fail(Speaker(models=[])).code == "server_no_models"


@pytest.mark.parametrize(
    ("listing", "kind", "code"),
    [
        ("html", ServiceError, "server_nonsense"),
        ("half", ServiceError, "server_nonsense"),
        ("error_in_200", ServiceError, "server_nonsense"),
        ("error", ServiceError, "server_nonsense"),
        ("not_there", ServiceError, "server_serves_not"),
        ("key", SettingError, "server_key_refused"),
        ("redirect", SettingError, "server_redirects"),
    ],
)
def test_what_is_no_model_server_is_said_clearly(
    listing: Trouble, kind: type[SekishoError], code: str
) -> None:
    """A page of HTML, half a JSON, an error in a 200, a locked door, a redirect."""
    error = fail(Speaker(listing=listing))
    assert isinstance(error, kind)
    assert error.code == code


@pytest.mark.parametrize("listing", ["loading", "busy"])
def test_a_server_that_loads_is_to_be_waited_for(listing: Trouble) -> None:
    """llama-server's 503 while it reads its file is no failure."""
    assert isinstance(fail(Speaker("llama-server", listing=listing)), NotReadyError)


def test_a_server_that_answers_no_question_is_unfit() -> None:
    """It lists a model and fails at each question: its own log knows why."""
    error = fail(Speaker(trouble=lambda text, number: "error"))
    assert (error.code, error.params["problem"]) == ("server_unfit", "server_error")


def test_a_server_that_is_not_there_and_one_that_says_nothing() -> None:
    """Both are services that are down, with different words."""
    with run_model_server() as server:
        url = server.url
    with pytest.raises(ServiceError) as caught:
        find_out(url)
    assert caught.value.code == "server_unreachable"


def test_a_model_that_ollama_has_answered_elsewhere_is_refused() -> None:
    """Rows would leave the company by way of its own server."""
    speaker = Speaker("ollama", models=["gpt-oss:120b-cloud"])
    error = fail(speaker)
    assert isinstance(error, SettingError)
    assert error.code == "server_hands_on"
    assert speaker.calls == []
    with run_model_server(speaker) as server:
        assert find_out(server.url, trusted=True).identity.remote == "ollama.com"


def test_the_fingerprint_changes_with_the_model_and_with_nothing_else() -> None:
    """A new digest is another model; a new start of the same one is not."""
    prints = []
    for digest in ("one", "one", "two"):
        with run_model_server(Speaker("ollama", digest=digest)) as server:
            prints.append(find_out(server.url).identity.fingerprint)
    assert prints[0] == prints[1] != prints[2]
    assert all(len(one) == 64 for one in prints)


def test_a_well_server_answers_a_tiny_question() -> None:
    """One that errs, or is not there, is not well."""
    with run_model_server() as server:
        url = server.url
        assert with_wire(url, lambda wire: is_well(wire, "stand-in-7b"))
    assert not with_wire(url, lambda wire: is_well(wire, "stand-in-7b"))
    with run_model_server(Speaker(trouble=lambda text, number: "error_in_200")) as server:
        assert not with_wire(server.url, lambda wire: is_well(wire, "stand-in-7b"))
