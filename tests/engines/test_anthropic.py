"""Asking Anthropic: the real SDK, over HTTP against the stand-in or over a mock transport."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from jobs.cloud import CloudUsage, bound_usage
from jobs.errors import (
    AmbiguousError,
    CloudAccountError,
    CloudAmbiguousError,
    CloudBusyError,
    CloudError,
    CloudRowError,
    FinalError,
    RetryableError,
    SettingError,
    SpecError,
)
from jobs.prices import built_in_prices, choose_price, price_cloud
from jobs.prompt import Question
from jobs.words import LANGUAGES, Language, say
from tests.standin import Fault, FaultKind, RunningStandIn, Script, run_standin
from tests.test_prices import NOW
from workers.engines.anthropic import Anthropic, close_schema, has_key
from workers.engines.anthropic.failures import read_retry_after

MODEL = "claude-haiku-5-5"
ROW = "カードが二重に請求されました / charged twice"
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "label": {"enum": ["refund", "delivery"]},
            "due": {"type": ["string", "null"], "format": "date"},
            "items": {
                "type": "array",
                "maxItems": 3,
                "items": {
                    "type": "object",
                    "properties": {"type": {"type": "string", "pattern": "^[a-z]+$"}},
                    "required": ["type"],
                },
            },
        },
        "required": ["label", "due", "items"],
    }
)
QUESTION = Question(7, "Sort the message.", f"Message: {ROW}", SCHEMA, 200)
Respond = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture(scope="module")
def standin() -> Iterator[RunningStandIn]:
    """A stand-in that goes wrong where the row says so."""
    names = FaultKind.__args__  # type: ignore[attr-defined]
    faults = tuple(Fault(kind, marker=f"<{kind}>", retry_after_seconds=2.5) for kind in names)
    with run_standin(Script(faults, oracle={"oracle": {"label": "refund"}})) as running:
        yield running


@pytest.fixture
def engine(standin: RunningStandIn) -> Iterator[Anthropic]:
    """An engine that asks the stand-in and does not wait long."""
    made = Anthropic(MODEL, api_key=standin.key, base_url=standin.url, timeout_seconds=5)
    yield made
    made.close()


def mark(kind: str) -> Question:
    """Return a question with which something goes wrong."""
    return Question(8, "Sort.", f"Message: {ROW} <{kind}>", SCHEMA, 200)


def mock(respond: Respond, model: str = MODEL) -> Anthropic:
    """Return an engine whose replies are made by a function."""
    transport = httpx2.MockTransport(respond)
    client = anthropic.Anthropic(
        api_key="sk-mock-key",
        base_url="http://cloud.test",
        http_client=anthropic.DefaultHttpxClient(transport=transport),
    )
    return Anthropic(model, client=client)


def replying(body: Any, status: int = 200) -> Respond:
    """Return a function that always replies with this body."""
    return lambda _: httpx2.Response(status, json=body)


def message(**changes: Any) -> dict[str, Any]:
    """Return a reply as the API words it."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": "{}"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 2},
        **changes,
    }


def fail(engine: Anthropic, question: Question = QUESTION) -> CloudError:
    """Return the error a question ends with."""
    with pytest.raises(CloudError) as caught:
        engine.ask(question)
    return caught.value


def test_an_answer_has_its_text_usage_and_names(engine: Anthropic) -> None:
    """A reply carries the answer, what is charged, the model and the provider's request id."""
    reply = engine.ask(QUESTION)
    assert json.loads(reply.text)["label"] in ("refund", "delivery")
    assert (reply.finish, reply.model, reply.service_tier) == ("stop", MODEL, "standard")
    assert reply.request_id is not None
    assert reply.usage.input_tokens > 0


def test_the_ledger_equals_the_invoice(standin: RunningStandIn, engine: Anthropic) -> None:
    """Usage x price is the stand-in's own invoice, reply by reply, also for odd ends."""
    before = standin.invoice_nano_usd
    price = choose_price(built_in_prices(), MODEL, NOW)
    kinds = ("", "refusal", "refusal_midway", "max_tokens", "garbage")
    replies = [engine.ask(mark(kind)) for kind in kinds]
    costs = [price_cloud(reply.usage, price, "realtime") for reply in replies]
    assert sum(costs) == standin.invoice_nano_usd - before
    assert [cost > 0 for cost in costs] == [True, False, True, True, True]


def test_a_long_prompt_is_charged_as_the_invoice_says(
    standin: RunningStandIn, engine: Anthropic
) -> None:
    """The dearer price of long prompts is the same on both sides, and within the bound."""
    before = standin.invoice_nano_usd
    question = Question(9, "Sort.", "long " * 80_000, SCHEMA, 100)
    usage = engine.ask(question).usage
    price = choose_price(built_in_prices(), MODEL, NOW)
    cost = price_cloud(usage, price, "realtime")
    assert usage.prompt_tokens > 100_000
    assert cost == standin.invoice_nano_usd - before
    bound = bound_usage(question, engine.max_output_tokens(question))
    assert cost <= price_cloud(bound, price, "realtime")


@pytest.mark.parametrize(
    ("kind", "finish", "has_text"),
    [
        ("refusal", "refusal", False),
        ("refusal_midway", "refusal", False),
        ("max_tokens", "length", True),
        ("garbage", "stop", True),
    ],
)
def test_odd_ends_are_named(engine: Anthropic, kind: str, finish: str, has_text: bool) -> None:
    """A refusal and a cut answer are told apart from a whole one, and never mended."""
    reply = engine.ask(mark(kind))
    assert reply.finish == finish
    assert bool(reply.text) is has_text
    if has_text:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(reply.text)


@pytest.mark.parametrize(
    ("kind", "error", "branch", "code", "accepted"),
    [
        ("bad_request", CloudRowError, FinalError, "cloud_bad_request", 0),
        ("too_large", CloudRowError, FinalError, "cloud_too_large", 0),
        ("key_refused", CloudAccountError, FinalError, "cloud_key_refused", 0),
        ("not_allowed", CloudAccountError, FinalError, "cloud_not_allowed", 0),
        ("payment_required", CloudAccountError, FinalError, "cloud_payment_required", 0),
        ("spend_limit", CloudAccountError, FinalError, "cloud_spend_limit", 0),
        ("rate_limited", CloudBusyError, RetryableError, "cloud_rate_limited", 0),
        ("overloaded", CloudBusyError, RetryableError, "cloud_overloaded", 0),
        ("server_error", CloudAmbiguousError, AmbiguousError, "cloud_server_error", 0),
        ("drop", CloudAmbiguousError, AmbiguousError, "cloud_connection_lost", 0),
        ("server_error_accepted", CloudAmbiguousError, AmbiguousError, "cloud_server_error", 1),
        ("drop_accepted", CloudAmbiguousError, AmbiguousError, "cloud_connection_lost", 1),
        ("cut_body", CloudAmbiguousError, AmbiguousError, "cloud_connection_lost", 1),
        ("unreadable", CloudAmbiguousError, AmbiguousError, "cloud_reply_unreadable", 1),
    ],
)
def test_failures_are_told_apart(
    standin: RunningStandIn,
    engine: Anthropic,
    kind: str,
    error: type[CloudError],
    branch: type[Exception],
    code: str,
    accepted: int,
) -> None:
    """Each failure says whether to try again, give up, or count it as maybe paid; sent once."""
    arrived, entries = standin.arrived, len(standin.entries)
    caught = fail(engine, mark(kind))
    assert type(caught) is error
    assert isinstance(caught, branch)
    assert caught.code == code
    assert (standin.arrived - arrived, len(standin.entries) - entries) == (1, accepted)
    assert caught.retry_after_seconds == (2.5 if error is CloudBusyError else None)
    for language in LANGUAGES:
        assert say(code, language, **caught.params) not in ("", code)
        assert "{" not in say(code, language, **caught.params)


@pytest.mark.parametrize(("kind", "accepted"), [("hang", 0), ("hang_accepted", 1)])
def test_a_timeout_is_ambiguous(standin: RunningStandIn, kind: str, accepted: int) -> None:
    """Whether a silent server had accepted the call cannot be seen from here."""
    entries = len(standin.entries)
    engine = Anthropic(MODEL, api_key="k", base_url=standin.url, timeout_seconds=0.3)
    caught = fail(engine, mark(kind))
    engine.close()
    assert (type(caught), caught.code) == (CloudAmbiguousError, "cloud_timeout")
    assert len(standin.entries) - entries == accepted


def test_an_unreachable_cloud_was_not_paid() -> None:
    """Where no connection came about, the row may simply be asked again."""
    with run_standin() as gone:
        pass
    engine = Anthropic(MODEL, api_key="k", base_url=gone.url, timeout_seconds=1)
    caught = fail(engine)
    engine.close()
    assert (type(caught), caught.code) == (CloudBusyError, "cloud_unreachable")


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (httpx2.ConnectTimeout, CloudBusyError),
        (httpx2.PoolTimeout, CloudBusyError),
        (httpx2.WriteError, CloudAmbiguousError),
        (httpx2.WriteTimeout, CloudAmbiguousError),
        (httpx2.ReadError, CloudAmbiguousError),
        (httpx2.RemoteProtocolError, CloudAmbiguousError),
    ],
)
def test_only_what_was_surely_not_sent_is_free(
    cause: type[httpx2.TransportError], error: type[CloudError]
) -> None:
    """From the first byte of the request on, a lost connection may have been paid for."""

    def respond(_: httpx2.Request) -> httpx2.Response:
        raise cause("lost")

    assert type(fail(mock(respond))) is error


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (400, {"type": "billing_error"}, CloudAccountError, "cloud_payment_required"),
        (
            400,
            {"type": "invalid_request_error", "details": {"error_code": "organization_on_hold"}},
            CloudAccountError,
            "cloud_not_allowed",
        ),
        (
            402,
            {"details": {"error_code": "linked_organization_spend_limit_reached"}},
            CloudAccountError,
            "cloud_spend_limit",
        ),
        (
            429,
            {"details": {"error_code": "contract_spend_limit_reached"}},
            CloudAccountError,
            "cloud_spend_limit",
        ),
        (
            429,
            {"details": {"error_code": "ramp_limit_exceeded"}},
            CloudBusyError,
            "cloud_rate_limited",
        ),
        (404, {"type": "not_found_error"}, CloudAccountError, "cloud_model_refused"),
        (408, {}, CloudAmbiguousError, "cloud_timeout"),
        (422, {}, CloudRowError, "cloud_bad_request"),
        (503, {}, CloudAmbiguousError, "cloud_server_error"),
        (504, {"type": "timeout_error"}, CloudAmbiguousError, "cloud_server_error"),
    ],
)
def test_statuses_and_causes(
    status: int, body: Mapping[str, Any], error: type[CloudError], code: str
) -> None:
    """The provider's stable code decides before the status does."""
    engine = mock(replying({"type": "error", "error": {"message": "x", **body}}, status))
    caught = fail(engine)
    assert (type(caught), caught.code, caught.status) == (error, code, status)


def test_a_redirect_is_not_followed(standin: RunningStandIn) -> None:
    """A row goes to the address that was named and nowhere else."""
    seen: list[str] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.url.host)
        return httpx2.Response(307, headers={"location": f"{standin.url}/v1/messages"})

    client = anthropic.Anthropic(
        api_key="k",
        base_url="http://cloud.test",
        http_client=anthropic.DefaultHttpxClient(
            transport=httpx2.MockTransport(respond), follow_redirects=False
        ),
    )
    caught = fail(Anthropic(MODEL, client=client))
    assert (type(caught), caught.code) == (CloudAccountError, "cloud_redirects")
    assert "307" in say(caught.code, "en", **caught.params)
    assert seen == ["cloud.test"]
    own = Anthropic(MODEL, api_key="k", base_url=standin.url)
    assert not own._client._client.follow_redirects
    own.close()


@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 408, 413, 429, 500, 503, 529])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reply_that_is_not_the_providers_is_told_without_none(
    status: int, language: Language
) -> None:
    """A proxy's page names no code and no call; the words do not show that as None."""
    caught = fail(mock(lambda _: httpx2.Response(status, text="<html>no</html>")))
    assert "None" not in say(caught.code, language, **caught.params)


def test_a_page_that_is_missing_is_not_a_model_that_is() -> None:
    """404 from something else than the provider points at the address."""
    caught = fail(mock(lambda _: httpx2.Response(404, text="<html>no</html>")))
    assert (type(caught), caught.code) == (CloudAccountError, "cloud_not_there")


@pytest.mark.parametrize(
    ("model", "thinking", "room"),
    [
        ("claude-haiku-5-5", {"type": "disabled"}, 0),
        ("claude-sonnet-5-5", {"type": "between_tools"}, 0),
        ("claude-haiku-4-5", None, 0),
        ("claude-opus-5-5", None, 4096),
        ("claude-fable-5-2", None, 4096),
    ],
)
def test_models_think_as_little_as_they_can(
    standin: RunningStandIn, model: str, thinking: object, room: int
) -> None:
    """Thinking is off where the API allows it; else it has room and its block is no answer."""
    engine = Anthropic(model, api_key="k", base_url=standin.url)
    reply = engine.ask(QUESTION)
    engine.close()
    entry = standin.entries[-1]
    price = choose_price(built_in_prices(), model, NOW)
    assert json.loads(reply.text)
    assert entry.body.get("thinking") == thinking
    assert entry.body["max_tokens"] == engine.max_output_tokens(QUESTION) == 200 + room
    assert price_cloud(reply.usage, price, "realtime") == entry.cost_nano_usd


def test_a_request_holds_the_question_and_nothing_more(
    standin: RunningStandIn, engine: Anthropic
) -> None:
    """What leaves is the two turns, the schema and settings; no key of the row."""
    engine.ask(QUESTION)
    body = standin.entries[-1].body
    assert body["system"] == QUESTION.system
    assert body["messages"] == [{"role": "user", "content": QUESTION.user}]
    assert set(body) == {
        *("model", "max_tokens", "system", "messages", "output_config", "thinking"),
        "service_tier",
    }


def test_text_that_is_no_utf8_can_be_asked(standin: RunningStandIn, engine: Anthropic) -> None:
    """A lone surrogate does not stop a row, nor does an empty system turn."""
    assert engine.ask(Question(1, "", "half \ud83d", SCHEMA, 99)).finish == "stop"
    assert standin.entries[-1].body["messages"][0]["content"] == "half ?"


def test_a_schema_is_closed_for_the_api() -> None:
    """Objects are closed at every depth, lists of types become alternatives, limits words."""
    closed = close_schema(SCHEMA)
    items = closed["properties"]["items"]
    assert closed["additionalProperties"] is False
    assert closed["properties"]["label"] == {"enum": ["refund", "delivery"]}
    assert closed["properties"]["due"] == {
        "anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]
    }
    assert items["description"] == "{maxItems: 3}"
    assert items["items"]["additionalProperties"] is False
    assert items["items"]["properties"]["type"]["type"] == "string"


@pytest.mark.parametrize(
    "schema",
    [
        "[]",
        "not json",
        '{"type": "object", "properties": {"a": {}}}',
        '{"type": "object", "properties": {"a": {"type": "text"}}}',
        '{"type": "object", "additionalProperties": {"type": "string"}}',
    ],
)
def test_a_schema_that_cannot_be_met_is_never_sent(schema: str) -> None:
    """A schema the API has no form for is an error of the spec, before anything leaves."""
    engine = mock(lambda _: pytest.fail("something was sent"))
    with pytest.raises(SpecError) as caught:
        engine.ask(Question(1, "s", "u", schema, 10))
    assert caught.value.code == "cloud_schema_unfit"


def test_cached_tokens_are_split_by_their_life() -> None:
    """Tokens written to the cache are told apart by 5 minutes and 1 hour; null is none."""
    split = {
        "input_tokens": 5,
        "output_tokens": 3,
        "cache_creation_input_tokens": 700,
        "cache_read_input_tokens": 60,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 200},
    }
    replies = [
        mock(replying(message(usage=usage))).ask(QUESTION)
        for usage in (
            split,
            {**split, "cache_creation": None},
            {**split, "cache_creation": None, "cache_creation_input_tokens": None},
        )
    ]
    assert [reply.usage for reply in replies] == [
        CloudUsage(5, 3, 500, 200, 60),
        CloudUsage(5, 3, 700, 0, 60),
        CloudUsage(5, 3, 0, 0, 60),
    ]


@pytest.mark.parametrize(
    "body",
    [
        message(usage=None),
        message(usage={"input_tokens": 1}),
        message(usage={"input_tokens": -1, "output_tokens": 1}),
        message(usage={"input_tokens": "many", "output_tokens": 1}),
        message(content=None),
        [],
        "text",
        None,
    ],
)
def test_a_reply_that_hides_its_cost_is_ambiguous(body: Any) -> None:
    """Without a usage that can be read the call counts as maybe paid."""
    caught = fail(mock(replying(body)))
    assert (type(caught), caught.code) == (CloudAmbiguousError, "cloud_reply_unreadable")


def test_only_text_blocks_are_the_answer() -> None:
    """Blocks of other kinds are skipped, wherever they stand; an unknown end is no whole one."""
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": '{"a":'},
        {"type": "new_kind", "text": "not this"},
        {"type": "text", "text": "1}"},
    ]
    ends = ("end_turn", "model_context_window_exceeded", "pause_turn", None)
    replies = [
        mock(replying(message(content=content, stop_reason=end))).ask(QUESTION) for end in ends
    ]
    assert {reply.text for reply in replies} == {'{"a":1}'}
    assert [reply.finish for reply in replies] == ["stop", "length", "length", "length"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "inf"}, 86_400.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds and dates are read; nonsense is no wish."""
    assert read_retry_after(httpx2.Headers(headers)) == seconds


def test_neither_row_nor_key_is_shown(
    engine: Anthropic, standin: RunningStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Logs at debug, errors with their chains, and repr hold neither the row nor the key."""
    with caplog.at_level(logging.DEBUG):
        engine.ask(QUESTION)
        errors = [fail(engine, mark(kind)) for kind in ("bad_request", "unreadable", "drop")]
    shown = [
        caplog.text,
        repr(engine),
        *(str(vars(error)) for error in errors),
        *("".join(traceback.format_exception(error)) for error in errors),
    ]
    assert all(error.__context__ is None for error in errors)
    assert not any(ROW in text or standin.key in text for text in shown)


def test_the_key_and_the_address_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, standin: RunningStandIn
) -> None:
    """ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL are read as the SDK reads them, trimmed."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{standin.key}\n")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", standin.url)
    assert has_key()
    engine = Anthropic(MODEL)
    assert engine.ask(QUESTION).finish == "stop"
    engine.close()


def test_the_key_comes_from_a_file(
    standin: RunningStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ANTHROPIC_API_KEY_FILE names a file with the key: then no environment holds it."""
    path = tmp_path / "key"
    path.write_text(f"{standin.key}\n")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY_FILE", str(path))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", standin.url)
    assert has_key()
    engine = Anthropic(MODEL)
    assert engine.ask(QUESTION).finish == "stop"
    engine.close()


@pytest.mark.parametrize(
    ("key", "address", "code"),
    [
        ("", "", "no_cloud_key"),
        (" \n", "", "no_cloud_key"),
        ("sk-鍵", "", "cloud_key_malformed"),
        ("sk one", "", "cloud_key_malformed"),
        ("sk-1", "cloud.test", "cloud_address_wrong"),
        ("sk-1", "ftp://cloud.test", "cloud_address_wrong"),
        ("sk-1", "https://cloud.test/?q", "cloud_address_has_query"),
        ("sk-1", "https://cloud.test/#part", "cloud_address_has_query"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    monkeypatch: pytest.MonkeyPatch, key: str, address: str, code: str
) -> None:
    """A missing or impossible key or address is said by name, without showing the key."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
    with pytest.raises(SettingError) as caught:
        Anthropic(MODEL)
    assert caught.value.code == code
    assert not key.strip() or key.strip() not in str(caught.value)
    assert has_key() is bool(key.strip())


def test_a_wrong_key_is_final_for_all_rows() -> None:
    """The provider's refusal of the key is not the row's fault."""
    with run_standin(Script(key="right")) as locked:
        engine = Anthropic(MODEL, api_key="wrong", base_url=locked.url)
        assert type(fail(engine)) is CloudAccountError
        engine.close()


def test_a_model_the_provider_does_not_know_is_final_for_all_rows(
    standin: RunningStandIn,
) -> None:
    """A model that has ended or never was stops the batch, not the row."""
    engine = Anthropic("claude-haiku-9", api_key="k", base_url=standin.url)
    assert fail(engine).code == "cloud_model_refused"
    engine.close()
