"""Redis as Sekisho uses it: hints go out as messages of ids, and depths come back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from jobs.errors import ServiceError, SettingError
from jobs.job import Hint
from workers.broker import Queues


@pytest.fixture
def queues(redis_url: str) -> Iterator[Queues]:
    """A real Redis, empty."""
    made = Queues(redis_url)
    yield made
    made.close()


@pytest.mark.integration
def test_a_hint_is_a_message_of_two_ids(queues: Queues, redis_url: str) -> None:
    """A message carries chunk and epoch and nothing of a row, in the queue of its model."""
    queues.ping()
    assert queues.depth("local.stub") == 0
    queues.send("local.stub", Hint(7, 2))
    assert (queues.depth("local.stub"), queues.depth("local.other")) == (1, 0)
    with redis.Redis.from_url(redis_url) as client:
        (content,) = client.hvals("dramatiq:local.stub.msgs")
    message = json.loads(content)
    assert (message["actor_name"], message["args"]) == ("answer_chunk", [])
    assert message["kwargs"] == {"chunk_id": 7, "epoch": 2}


def test_a_redis_that_is_down_is_named(tmp_path: Path) -> None:
    """Every call says on one line which Redis does not answer, without its password."""
    queues = Queues(f"unix://:hidden@{tmp_path}/none.sock")
    for call in (
        queues.ping,
        lambda: queues.send("q", Hint(1, 0)),
        lambda: queues.depth("q"),
    ):
        with pytest.raises(ServiceError) as caught:
            call()
        assert caught.value.code == "redis_fails"
        assert "hidden" not in str(caught.value)
        assert "\n" not in str(caught.value.params["problem"])
    queues.close()


@pytest.mark.parametrize("url", ["nonsense", "http://host", "redis://host:port"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """What is no Redis URL is a setting that is wrong."""
    with pytest.raises(SettingError, match="redis_url_wrong"):
        Queues(url)
