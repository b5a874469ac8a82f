"""The actors: a few lines each. A message carries ids; SQL owns everything else."""

from collections.abc import Callable
from typing import Final

import dramatiq

from jobs.job import Hint

ANSWER_CHUNK: Final = "answer_chunk"


def declare_answer_chunk(
    broker: dramatiq.Broker, queue: str, answer: Callable[[Hint], None]
) -> None:
    """Let `answer` work on the chunks that this queue announces."""

    @dramatiq.actor(broker=broker, queue_name=queue, actor_name=ANSWER_CHUNK)
    def answer_chunk(chunk_id: int, epoch: int) -> None:
        answer(Hint(chunk_id, epoch))
