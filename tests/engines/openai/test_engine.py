"""Rows at model servers: each is answered once, whatever the servers do."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from jobs.errors import EngineStopped
from jobs.prompt import Completion, Frame, LabelChoice, Prompt
from tests.engines.openai.asking import Tray, ask_all, make_questions, open_engine
from tests.standin.model_server import Kind, Speaker, Trouble, run_model_server

TEXTS = [f"row {number} where is it" for number in range(12)]


def check_answer(answer: Completion) -> None:
    """An answer in the schema's form, with tokens that tile it."""
    assert answer.error is None
    assert json.loads(answer.text or "")["label"] in ("refund", "delivery")
    assert (answer.asked, answer.finish) == ("question", "stop")
    assert answer.usage.device_ms > 0
    assert answer.usage.prompt_tokens > 0
    assert answer.tokens[-1].end == len((answer.text or "").encode())


@pytest.mark.parametrize("kind", ["llama-server", "nim", "dynamo", "openai"])
def test_rows_are_answered_in_every_dialect(kind: Kind) -> None:
    """Each once, in the form that is the server's own."""
    with run_model_server(Speaker(kind)) as server, open_engine(server.url) as engine:
        answers = ask_all(engine, TEXTS)
        for answer in answers:
            check_answer(answer)
            assert answer.confidence_source == "token_logprobs"
        assert sorted(server.speaker.rows) == sorted(TEXTS)
        counters = engine.counters()
    assert counters.rows == counters.steps == len(TEXTS)
    shared = sum(answer.usage.device_ms for answer in answers) / 1000
    assert shared == pytest.approx(counters.busy_seconds)


def test_unknown_confidence_stays_unknown() -> None:
    """LM Studio's null: an answer without a number, never a high one."""
    speaker = Speaker("lm-studio", logprobs="null")
    with run_model_server(speaker) as server, open_engine(server.url) as engine:
        (answer,) = ask_all(engine, TEXTS[:1])
    assert (answer.confidence_source, answer.tokens, answer.error) == ("none", (), None)


def test_no_more_rows_are_out_than_the_limit_says() -> None:
    """A server is not flooded."""
    with run_model_server() as server, open_engine(server.url, limit=3) as engine:
        ask_all(engine, TEXTS)
        assert server.speaker.most_at_once <= 3


def test_two_servers_share_the_rows() -> None:
    """Both are asked, each row by one of them."""
    with run_model_server() as first, run_model_server() as second:
        with open_engine(first.url, second.url, limit=2) as engine:
            for answer in ask_all(engine, TEXTS):
                check_answer(answer)
        rows = first.speaker.rows + second.speaker.rows
        assert sorted(rows) == sorted(TEXTS)
        assert first.speaker.rows
        assert second.speaker.rows


@pytest.mark.parametrize(
    "trouble", ["busy", "loading", "error", "error_in_200", "html", "half", "reset", "not_there",
                "no_choices", "key"],
)  # fmt: skip
def test_what_is_the_servers_trouble_costs_no_row(trouble: Trouble) -> None:
    """Some calls go wrong: their rows are asked again, and all of them are answered."""

    def decide(text: str, number: int) -> Trouble | None:
        return trouble if text.startswith("row") and number % 5 == 0 else None

    with run_model_server(Speaker(trouble=decide)) as server, open_engine(server.url) as engine:
        for answer in ask_all(engine, TEXTS):
            check_answer(answer)
        assert len(server.speaker.rows) > len(TEXTS)


def test_rows_of_a_dead_server_are_asked_elsewhere() -> None:
    """One of two servers ends with rows in its hands; the other answers them."""
    dying = Speaker(trouble=lambda text, number: "hang" if text.startswith("row") else None)
    tray = Tray(len(TEXTS))
    with ExitStack() as stack:
        living = stack.enter_context(run_model_server())
        with run_model_server(dying) as second:
            engine = stack.enter_context(open_engine(living.url, second.url))
            engine.submit(make_questions(TEXTS), tray)
            assert dying.arrived.wait(60)
        for answer in tray.wait().values():
            check_answer(answer)
    assert dying.rows
    assert set(living.speaker.rows) == set(TEXTS)


@pytest.mark.parametrize("trouble", ["error", "reset", "html", "hang"])
def test_a_row_that_no_server_survives_fails_alone(trouble: Trouble) -> None:
    """Its tries are bounded, it has a code of its own, and its neighbours are answered."""

    def decide(text: str, number: int) -> Trouble | None:
        return trouble if "poison" in text else None

    with (
        run_model_server(Speaker(trouble=decide)) as first,
        run_model_server(Speaker(trouble=decide)) as second,
        open_engine(first.url, second.url, timeout_seconds=1.0) as engine,
    ):
        *answers, poison = ask_all(engine, [*TEXTS, "row of poison"])
        rows = first.speaker.rows + second.speaker.rows
    assert poison.error == "server_failed"
    for answer in answers:
        check_answer(answer)
    assert sum("poison" in row for row in rows) <= 4


def test_a_sick_server_convicts_no_row() -> None:
    """It fails at every row and at the probe too; when it is well again the rows are answered."""
    sick = threading.Event()
    sick.set()
    failed = []

    def decide(text: str, number: int) -> Trouble | None:
        if sick.is_set() and number > 5:
            failed.append(number)
            if len(failed) > 25:
                sick.clear()
            return "error"
        return None

    with run_model_server(Speaker(trouble=decide)) as server, open_engine(server.url) as engine:
        for answer in ask_all(engine, TEXTS):
            check_answer(answer)


def test_a_text_that_is_too_long_says_so() -> None:
    """So that it is asked about by parts; the row is not tried again."""

    def decide(text: str, number: int) -> Trouble | None:
        return "too_long" if "novel" in text else None

    with run_model_server(Speaker(trouble=decide)) as server, open_engine(server.url) as engine:
        (answer,) = ask_all(engine, ["a novel"])
        assert answer.error == "input_too_long"
        assert len(server.speaker.rows) == 1


def test_a_text_that_ollama_cut_silently_is_too_long() -> None:
    """It answers about what it kept: as many tokens as its context has."""
    speaker = Speaker("ollama", context_tokens=600)
    with run_model_server(speaker) as server, open_engine(server.url) as engine:
        short, long = ask_all(engine, ["short", "long " * 600])
    check_answer(short)
    assert long.error == "input_too_long"


def test_a_schema_that_a_server_refuses_is_put_into_words_once() -> None:
    """The row is answered, and the next ones are not refused first."""
    speaker = Speaker("vllm")
    with run_model_server(speaker) as server, open_engine(server.url, limit=1) as engine:
        plain = speaker.reply
        speaker.reply = lambda body: (  # type: ignore[method-assign]
            speaker.refuse("refused") if "response_format" in body else plain(body)
        )
        for answer in ask_all(engine, TEXTS[:4]):
            check_answer(answer)
        assert len(speaker.rows) == 5


def test_a_row_that_is_refused_by_itself_is_said_to_be() -> None:
    """Neither the schema nor another try helps it."""

    def decide(text: str, number: int) -> Trouble | None:
        return "refused" if "odd" in text else None

    with run_model_server(Speaker(trouble=decide)) as server, open_engine(server.url) as engine:
        odd, good = ask_all(engine, ["odd", "good"])
    assert odd.error == "server_refused"
    check_answer(good)


def test_rows_that_must_be_alone_are() -> None:
    """No two of them are out at the same time at one server."""
    with run_model_server() as server, open_engine(server.url) as engine:
        for answer in ask_all(engine, TEXTS[:5], alone=True):
            check_answer(answer)
        assert server.speaker.most_at_once == 1


def test_withdrawn_rows_come_back_at_once() -> None:
    """Also one that is out at a server that says nothing; others' rows stay."""
    speaker = Speaker(trouble=lambda text, number: "hang" if text.startswith("row") else None)
    with run_model_server(speaker) as server, open_engine(server.url, limit=1) as engine:
        mine, theirs = Tray(3), Tray(1)
        engine.submit(make_questions(TEXTS[:3]), mine, owner="me")
        engine.submit(make_questions(["other"]), theirs, owner="them")
        assert speaker.arrived.wait(60)
        engine.withdraw([0, 1, 2], owner="me")
        assert {answer.error for answer in mine.wait().values()} == {"withdrawn"}
        check_answer(theirs.wait()[0])


def test_closing_hands_back_what_is_out() -> None:
    """And what comes afterwards is refused."""
    speaker = Speaker(trouble=lambda text, number: "hang" if text.startswith("row") else None)
    with run_model_server(speaker) as server, open_engine(server.url) as engine:
        tray = Tray(len(TEXTS))
        engine.submit(make_questions(TEXTS), tray)
        assert speaker.arrived.wait(60)
        engine.close()
        assert {answer.error for answer in tray.wait().values()} == {"withdrawn"}
        with pytest.raises(EngineStopped):
            engine.submit(make_questions(["late"]), tray)
        engine.withdraw([1])
        engine.close()


def test_an_engine_whose_servers_stay_away_ends() -> None:
    """Its rows are handed back, so that they are not lost; nobody waits for ever."""
    with run_model_server() as server:
        url = server.url
        with open_engine(url, give_up_seconds=0.3) as engine:
            server.speaker.trouble = lambda text, number: "loading"
            tray = Tray(3)
            engine.submit(make_questions(TEXTS[:3]), tray)
            assert {answer.error for answer in tray.wait().values()} == {"withdrawn"}
            engine.close()


def test_a_server_that_serves_another_model_takes_no_more_rows() -> None:
    """The only one that changes ends the engine; what it pinned holds no longer."""
    speaker = Speaker("ollama", digest="one")
    with (
        run_model_server(speaker) as server,
        open_engine(server.url, look_every_seconds=0.02) as engine,
    ):
        check_answer(ask_all(engine, TEXTS[:1])[0])
        speaker.digest = "two"
        speaker.trouble = lambda text, number: "busy" if text.startswith("row") else None
        tray = Tray(1)
        engine.submit(make_questions(TEXTS[:1]), tray)
        assert tray.wait()[0].error == "withdrawn"


def test_a_server_that_changes_leaves_its_rows_to_the_others() -> None:
    """The one that still serves the pinned model answers them all."""
    changing, steady = Speaker("ollama", digest="one"), Speaker("ollama", digest="one")
    with (
        run_model_server(changing) as first,
        run_model_server(steady) as second,
        open_engine(first.url, second.url) as engine,
    ):
        changing.digest = "two"
        changing.trouble = lambda text, number: "not_there" if text.startswith("row") else None
        for answer in ask_all(engine, TEXTS):
            check_answer(answer)
        changing.trouble = lambda text, number: None
        ask_all(engine, TEXTS)
    assert len(changing.rows) <= 4  # those that were out when it was seen to have changed
    assert len(steady.rows) == 2 * len(TEXTS)


def test_several_threads_may_submit() -> None:
    """Every thread has its own rows back."""

    def ask_some(number: int) -> list[Completion]:
        return ask_all(engine, [f"row {number} {letter}" for letter in "abc"])

    with (
        run_model_server() as server,
        open_engine(server.url) as engine,
        ThreadPoolExecutor(4) as pool,
    ):
        results = list(pool.map(ask_some, range(4)))
    assert [len(answers) for answers in results] == [3, 3, 3, 3]


def test_a_consumer_that_raises_loses_its_own_answer_only(caplog: pytest.LogCaptureFixture) -> None:
    """The engine goes on, and its log says nothing of the row."""
    with run_model_server() as server, open_engine(server.url) as engine:
        called = threading.Event()

        def fail(completion: Completion) -> None:
            called.set()
            raise ValueError(completion.text)

        engine.submit(make_questions(["secret"]), fail)
        assert called.wait(60)
        check_answer(ask_all(engine, TEXTS[:1])[0])
    assert "delivery of row 0 failed" in caplog.text
    assert "label" not in caplog.text


def test_a_prompt_is_refused() -> None:
    """It is for engines that complete."""
    prompt = Prompt(1, Frame("s"), "t", LabelChoice(("a", "b")))
    with run_model_server() as server, open_engine(server.url) as engine:
        with pytest.raises(TypeError):
            engine.submit([prompt], lambda completion: None)
        assert engine.asks == "question"
