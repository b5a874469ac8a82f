"""What repeated texts cost a real model: half of them half, all of them nothing."""

import pytest

from jobs.store import Database, batches, results
from tests.execute.executing import answer_owed
from tests.store.making import assert_sound, load_texts
from workers.engines.llama import LlamaEngine

pytestmark = [pytest.mark.integration, pytest.mark.heavy]

TEXTS = [
    "Where is my parcel? It should have come on Monday.",
    "I want my money back for the cup that was broken.",
    "荷物がまだ届きません。いつ届きますか。",
    "返金してください。",
    "The gift card was charged twice, please pay it back.",
    "The driver left the box in the rain.",
]


def forward(
    database: Database, llama: LlamaEngine, identity: str, *, use_cache: bool = True
) -> int:
    """Answer two chunks, of which the second repeats the first; return the tokens computed."""
    load_texts(database, TEXTS, TEXTS[::-1], identity=identity, use_cache=use_cache)
    before = llama.counters()
    answer_owed(database, llama)
    return llama.counters().forwarded_tokens - before.forwarded_tokens


def test_repeats_are_not_read(sqlite: Database, llama: LlamaEngine) -> None:
    """Half of the tokens where half is repeated, none on the next day, by the engine's count."""
    load_texts(sqlite, ["So that the words around the rows are read."], identity="warm")
    answer_owed(sqlite, llama)
    without = forward(sqlite, llama, "without", use_cache=False)
    assert without == pytest.approx(2 * forward(sqlite, llama, "with"), rel=0.05)
    assert forward(sqlite, llama, "again") == 0
    again = batches.get(sqlite, "latest")
    tally = results.tally(sqlite, again.batch_id)
    assert (tally.done, tally.cost_nano_usd) == (12, 0)
    assert results.count_cached(sqlite, again.batch_id) == 12
    assert_sound(sqlite)
