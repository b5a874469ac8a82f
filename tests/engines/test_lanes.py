"""Written rows have a context of their own, where they fit it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llguidance import LLTokenizer

from jobs.errors import ModelError
from jobs.prompt import FreeText
from tests.engines.conformance import ask, make_prompts
from tests.engines.writer import BUDGET, FRAME, LABELS, TEXTS, WritingModel, capitals, write
from workers.engines.llama.constraint import Grammars
from workers.engines.llama.engine import LlamaEngine, OpenWriting
from workers.engines.llama.groups import Groups
from workers.engines.llama.step import Budget
from workers.engines.protocol import EngineModel
from workers.journal import Journal

OWN = Budget(400, 60, 800, 16, 32, writers=True)


class Pair:
    """An engine over two scripted devices, the second made when it is asked for."""

    def __init__(self, journal: Journal, *, refuses: bool = False) -> None:
        self.shared = WritingModel(lambda pieces, model: None)
        self.own = WritingModel(lambda pieces, model: None)
        self.opened = 0
        self.refuses = refuses
        groups = Groups(self.shared, "scripted", grammars=Grammars(lambda: LLTokenizer("byte")))
        opening: OpenWriting = self.open
        about = EngineModel("scripted", "00", 400)
        self.engine = LlamaEngine(self.shared, groups, journal, about, BUDGET, open_writing=opening)

    def open(self) -> tuple[WritingModel, Budget]:
        self.opened += 1
        if self.refuses:
            raise ModelError("model_load_failed", path="scripted")
        return self.own, OWN


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal of the test's own."""
    made = Journal(tmp_path / "journal")
    yield made
    made.close()


def test_written_rows_have_their_own_context_and_labels_the_shared_one(journal: Journal) -> None:
    """The second context is opened once, by the first written row, and freed with the first."""
    pair = Pair(journal)
    answers = ask(pair.engine, make_prompts(TEXTS, frame=FRAME, choice=LABELS))
    assert {answer.error for answer in answers.values()} == {None}
    assert (pair.opened, pair.own.decodes) == (0, [])
    decodes = len(pair.shared.decodes)
    for _ in range(2):
        assert write(pair.engine, TEXTS, choice=FreeText(30)) == capitals(TEXTS)
    assert pair.opened == 1
    assert len(pair.shared.decodes) == decodes
    assert pair.own.decodes
    pair.engine.close()
    assert pair.own.freed
    assert pair.shared.freed


def test_a_row_that_is_too_long_for_its_own_context_is_written_in_the_shared_one(
    journal: Journal,
) -> None:
    """Both kinds of row are answered, side by side."""
    pair = Pair(journal)
    texts = ["short", "the quick brown fox jumps over the lazy dog today", "also short"]
    assert write(pair.engine, texts, choice=FreeText(60)) == capitals(texts)
    assert pair.shared.decodes
    assert write(pair.engine, ["x" * 500], choice=FreeText(60)) == ["input_too_long"]
    pair.engine.close()


def test_without_memory_for_a_second_context_all_rows_share_the_first(journal: Journal) -> None:
    """It is tried once."""
    pair = Pair(journal, refuses=True)
    for _ in range(2):
        assert write(pair.engine, TEXTS, choice=FreeText(30)) == capitals(TEXTS)
    assert pair.opened == 1
    pair.engine.close()
