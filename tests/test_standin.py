"""The stand-in itself: strict like the API, repeatable, and with a book that adds up."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cloud import CloudUsage
from jobs.prices import built_in_prices, choose_price, price_cloud
from tests.standin import Fault, RunningStandIn, Script, run_standin
from tests.standin.answers import make_answer
from tests.standin.invoice import LIST, charge
from tests.test_prices import NOW

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "label": {"enum": ["refund", "delivery"]},
        "amount": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "due": {"type": "string", "format": "date"},
        "points": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/point"}},
        "sure": {"type": "boolean"},
        "count": {"type": "integer"},
        "kind": {"const": "x"},
    },
    "required": ["label", "amount", "due", "points", "sure", "count", "kind"],
    "$defs": {"point": {"type": "string"}},
}
CLIENT = httpx2.Client(verify=False)  # loopback: no certificates to load
HEADERS = {"authorization": "Bearer k", "anthropic-version": "2026-10-21"}


@pytest.fixture(scope="module")
def standin() -> Iterator[RunningStandIn]:
    """A stand-in without faults."""
    with run_standin() as running:
        yield running


def make_body(text: str = "hello", **changes: Any) -> dict[str, Any]:
    """Return a body the API would take."""
    return {
        "model": "claude-haiku-5-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
        "thinking": {"type": "disabled"},
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        **changes,
    }


def post(
    standin: RunningStandIn, body: Any, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """Send a body and return the response."""
    return CLIENT.post(
        f"{standin.url}/v1/messages", json=body, headers=HEADERS if headers is None else headers
    )


@given(st.text())
def test_answers_fit_the_schema_and_repeat(text: str) -> None:
    """An answer has every property in its type, made of the text, the same each time."""
    answer = make_answer(SCHEMA, text)
    assert answer == make_answer(SCHEMA, text)
    assert list(answer) == SCHEMA["required"]
    assert answer["label"] in ("refund", "delivery")
    assert answer["amount"] is None or isinstance(answer["amount"], float)
    assert all(point == "-" or point in text for point in answer["points"])
    assert (answer["due"], answer["kind"]) == ("2026-11-20", "x")


def test_labels_are_spread() -> None:
    """Different texts get different labels."""
    labels = {make_answer(SCHEMA, f"text {number}")["label"] for number in range(20)}
    assert labels == {"refund", "delivery"}


@pytest.mark.parametrize("model", sorted(LIST))
@given(read=st.integers(0, 200_000), written=st.integers(0, 10_000))
def test_both_price_lists_agree(model: str, read: int, written: int) -> None:
    """The stand-in's own list and jobs.prices, made apart, come to the same nano-dollar."""
    price = choose_price(built_in_prices(), model, NOW)
    assert charge(model, read, written) == price_cloud(CloudUsage(read, written), price, "realtime")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"temperature": 0}),
        (400, {"max_tokens": 0}),
        (400, {"messages": []}),
        (400, {"messages": [{"role": "user", "content": " "}]}),
        (400, {"messages": [{"role": "assistant", "content": "{"}]}),
        (400, {"system": ""}),
        (400, {"thinking": {"type": "between_tools"}}),
        (400, {"output_config": {"format": {"schema": {"type": "object"}}}}),
        (400, {"output_config": {"format": {"schema": {"type": "string", "maxLength": 3}}}}),
        (404, {"model": "claude-haiku-9"}),
    ],
)
def test_it_is_as_strict_as_the_api(
    standin: RunningStandIn, status: int, body: dict[str, Any]
) -> None:
    """What the API turns away is turned away here, and costs nothing."""
    before = standin.invoice_nano_usd
    assert post(standin, make_body(**body)).status_code == status
    assert standin.invoice_nano_usd == before


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic k"}, {"x-api-key": "k"}])
def test_the_key_must_be_there(standin: RunningStandIn, headers: dict[str, str]) -> None:
    """A request without a key is refused."""
    assert post(standin, make_body(), headers).status_code == 401


def test_the_oracle_is_asked_first() -> None:
    """The answer of the longest known text inside the user turn is given."""
    oracle = {"twice": {"label": "no"}, "charged twice": {"label": "refund"}, "Q: b": 1}
    with run_standin(Script(oracle=oracle)) as running:
        texts = ("Message: charged twice", "Q: b", "unknown")
        replies = [post(running, make_body(text)).json() for text in texts]
    said = [json.loads(reply["content"][0]["text"]) for reply in replies]
    assert said[:2] == [{"label": "refund"}, 1]
    assert set(said[2]) == set(SCHEMA["required"])


def test_faults_come_by_number_by_marker_and_so_often() -> None:
    """A fault meets the requests it names, as often as it is told to."""
    faults = (
        Fault("overloaded", ordinal=2),
        Fault("rate_limited", marker="BOOM", times=1),
        Fault("server_error", every=5),
    )
    texts = ("a", "b", "BOOM", "BOOM", "c", "d")
    with run_standin(Script(faults)) as running:
        statuses = [post(running, make_body(text)).status_code for text in texts]
    assert statuses == [200, 529, 429, 200, 500, 200]


def test_the_book_adds_up(standin: RunningStandIn) -> None:
    """Every accepted request stands in the book once, also when many come at a time."""
    before = CLIENT.get(f"{standin.url}/invoice").json()
    with ThreadPoolExecutor(8) as pool:
        texts = [f"row {number}" for number in range(40)]
        usages = [
            reply.json()["usage"]
            for reply in pool.map(lambda text: post(standin, make_body(text)), texts)
        ]
    after = CLIENT.get(f"{standin.url}/invoice").json()
    book = CLIENT.get(f"{standin.url}/requests").json()["accepted"]
    assert after["requests"] - before["requests"] == len(usages)
    assert after["total_nano_usd"] - before["total_nano_usd"] == sum(
        100 * usage["input_tokens"] + 500 * usage["output_tokens"] for usage in usages
    )
    assert after["total_nano_usd"] == sum(entry["cost_nano_usd"] for entry in book)
    assert len({entry["request_id"] for entry in book}) == len(book)
    assert {entry["body"]["messages"][0]["content"] for entry in book} >= set(texts)


@pytest.mark.integration
def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """The process says its URL on stdout and in the ready file, and ends on SIGTERM, silent."""
    ready = tmp_path / "ready"
    script = {"faults": [{"kind": "drop_accepted", "marker": "BOOM"}], "key": "k"}
    command = [sys.executable, "-m", "tests.standin", "--ready-file", str(ready)]
    with subprocess.Popen(
        [*command, "--script", json.dumps(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with pytest.raises(httpx2.RemoteProtocolError):
            CLIENT.post(f"{url}/v1/messages", json=make_body("secret BOOM"), headers=HEADERS)
        invoice = CLIENT.get(f"{url}/invoice").json()
        healthy = CLIENT.get(f"{url}/healthz").json()
        said = ready.read_text("utf-8")
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
    assert said == url
    assert healthy == {"ok": True}
    assert invoice["requests"] == 1
    assert invoice["unanswered_nano_usd"] == invoice["total_nano_usd"] > 0
    assert (rest, errors) == ("", "")
