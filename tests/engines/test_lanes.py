"""Written rows have a context of their own, as wide as they need it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from llguidance import LLTokenizer

from jobs.errors import ModelError
from jobs.prompt import FreeText
from tests.engines.conformance import PATIENCE_SECONDS, Tray, ask, make_prompts
from tests.engines.writer import BUDGET, FRAME, LABELS, TEXTS, WritingModel, capitals, write
from workers.engines.llama.constraint import Grammars
from workers.engines.llama.engine import LlamaEngine
from workers.engines.llama.groups import Groups
from workers.engines.llama.step import Budget
from workers.engines.llama.writers import Writers
from workers.engines.protocol import EngineModel
from workers.journal import Journal

NARROW = 60
WIDE = 160


class Gate:
    """Where an engine's thread stops until it is let through."""

    def __init__(self) -> None:
        self._reached, self._opened = Event(), Event()

    def stop(self) -> None:
        self._reached.set()
        assert self._opened.wait(PATIENCE_SECONDS)

    def wait(self) -> None:
        assert self._reached.wait(PATIENCE_SECONDS)

    def open(self) -> None:
        self._opened.set()


class Pair:
    """An engine over scripted devices, the second ones made when they are asked for."""

    def __init__(
        self,
        journal: Journal,
        *,
        widths: tuple[int, ...] = (NARROW,),
        most: int = 400,
        on_decode: Callable[[int], None] = lambda number: None,
    ) -> None:
        """`widths` can be asked for; from `most` on there is no memory for them.

        `on_decode` hears the number of each decode of a context for written rows, from 1.
        """
        self._on_decode = on_decode
        self.shared = WritingModel(lambda pieces, model: None)
        self.owns: list[WritingModel] = []
        self.asked: list[int] = []
        self._most = most
        groups = Groups(self.shared, "scripted", grammars=Grammars(lambda: LLTokenizer("byte")))
        about = EngineModel("scripted", "00", 400)
        writers = Writers(self.open, widths)
        self.engine = LlamaEngine(self.shared, groups, journal, about, BUDGET, writers)

    def open(self, width: int) -> tuple[WritingModel, Budget]:
        self.asked.append(width)
        if width >= self._most:
            raise ModelError("model_load_failed", path="scripted")
        self.owns.append(
            WritingModel(lambda pieces, model: self._on_decode(len(model.decodes) + 1))
        )
        return self.owns[-1], Budget(400, width, 800, 16, 32, writers=True)


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
    assert pair.asked == []
    decodes = len(pair.shared.decodes)
    for _ in range(2):
        assert write(pair.engine, TEXTS, choice=FreeText(30)) == capitals(TEXTS)
    assert pair.asked == [NARROW]
    assert len(pair.shared.decodes) == decodes
    assert pair.owns[0].decodes
    pair.engine.close()
    assert pair.owns[0].freed
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
    pair = Pair(journal, most=NARROW)
    for _ in range(2):
        assert write(pair.engine, TEXTS, choice=FreeText(30)) == capitals(TEXTS)
    assert pair.asked == [NARROW]
    pair.engine.close()


def test_the_context_grows_with_the_rows_that_come(journal: Journal) -> None:
    """A longer row opens a wider one once the rows in the narrow one have ended."""
    pair = Pair(journal, widths=(NARROW, WIDE))
    assert write(pair.engine, TEXTS, choice=FreeText(30)) == capitals(TEXTS)
    texts = [*TEXTS, "the quick brown fox jumps over the lazy dog", *TEXTS]
    for _ in range(2):
        decodes = len(pair.shared.decodes)
        assert write(pair.engine, texts, choice=FreeText(60)) == capitals(texts)
        assert len(pair.shared.decodes) == decodes
    assert pair.asked == [NARROW, WIDE]
    assert pair.owns[0].freed
    pair.engine.close()
    assert pair.owns[1].freed


def test_without_memory_for_a_wider_context_the_narrow_one_stays(journal: Journal) -> None:
    """The longer row is written in the shared one; the wider one is tried once."""
    pair = Pair(journal, widths=(NARROW, WIDE), most=WIDE)
    assert write(pair.engine, TEXTS, choice=FreeText(30)) == capitals(TEXTS)
    texts = [*TEXTS, "the quick brown fox jumps over the lazy dog", *TEXTS]
    for _ in range(2):
        assert write(pair.engine, texts, choice=FreeText(60)) == capitals(texts)
    assert pair.asked == [NARROW, WIDE]
    assert pair.shared.decodes
    assert not pair.owns[0].freed
    pair.engine.close()


def test_rows_that_wait_for_a_wider_context_can_be_withdrawn(journal: Journal) -> None:
    """They are handed back like all others, and nothing is opened for them."""
    gates = {2: Gate(), 4: Gate()}  # by the decode of the narrow context that stops there
    pair = Pair(
        journal, widths=(NARROW, WIDE), on_decode=lambda n: gates[n].stop() if n in gates else None
    )
    (short,) = make_prompts(["short row"], frame=FRAME, choice=FreeText(30))
    (long,) = make_prompts(
        ["the quick brown fox jumps over the lazy dog"],
        first_key=1,
        frame=FRAME,
        choice=FreeText(60),
    )
    written, held = Tray(1), Tray(1)
    pair.engine.submit([short], written)
    gates[2].wait()
    pair.engine.submit([long], held)
    gates[2].open()
    gates[4].wait()  # the steps between have seen the long row
    pair.engine.withdraw([long.key])
    gates[4].open()
    assert held.wait()[long.key].error == "withdrawn"
    assert written.wait()[short.key].text == "SHORT ROW"
    assert pair.asked == [NARROW]
    pair.engine.close()
