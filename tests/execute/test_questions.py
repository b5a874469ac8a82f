"""Chunks at an engine that only talks: questions go out, answers are read and kept as such."""

from collections.abc import Iterator

import pytest

from jobs.store import Database
from tests.engines.openai.asking import open_engine
from tests.execute.executing import answer_owed
from tests.standin.model_server import Speaker, Trouble, run_model_server
from tests.store.making import assert_sound, load_texts, make_batch, statuses
from workers.engines.openai.engine import ServerEngine


@pytest.fixture
def speaker() -> Speaker:
    """What the server does."""
    return Speaker(trouble=lambda text, number: decide(text))


def decide(text: str) -> Trouble | None:
    return "error" if "text 2" in text else None


@pytest.fixture
def engine(speaker: Speaker) -> Iterator[ServerEngine]:
    """An engine over one server that always fails at one row."""
    with run_model_server(speaker) as server, open_engine(server.url) as engine:
        yield engine


def test_rows_are_answered_and_the_poisonous_one_fails_alone(
    database: Database, engine: ServerEngine
) -> None:
    """Every other row of the chunk is done, each with its share of the server's time."""
    batch = make_batch(database, [5])
    answer_owed(database, engine)
    assert sorted(statuses(database, batch)) == ["done"] * 4 + ["failed"]
    assert_sound(database)


def test_equal_questions_are_asked_once(
    database: Database, engine: ServerEngine, speaker: Speaker
) -> None:
    """Within a batch, and again from what an earlier one was answered."""
    first = load_texts(database, ["hello", "hello", "where is it"])
    answer_owed(database, engine)
    assert sorted(speaker.rows) == ["Message: hello", "Message: where is it"]
    again = load_texts(database, ["where is it"], identity="i2")
    answer_owed(database, engine)
    assert statuses(database, first) + statuses(database, again) == ["done"] * 4
    assert len(speaker.rows) == 2
