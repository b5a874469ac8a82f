"""The engine's way through failures, on a device that fails on order."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.errors import EngineStopped
from jobs.prompt import Completion, Frame, LabelChoice, LabelSet
from tests.engines.conformance import Tray, ask, make_prompts
from workers.engines.llama.engine import LlamaEngine
from workers.engines.llama.groups import Groups
from workers.engines.llama.labels import Tokens
from workers.engines.llama.model import ContextSize, Model, NoSlotError, Piece
from workers.engines.llama.step import Budget
from workers.engines.llama.vocabulary import DecodeError
from workers.engines.protocol import EngineModel
from workers.journal import Journal, read_suspects

BUDGET = Budget(step_tokens=400, context_tokens=400, cells=800, sequences=16, outputs=16)
FRAME = Frame("", before="<", after=">")
CHOICE = LabelChoice(("aa", "ab", "b"))
POISON = "!"


class ScriptedModel(Model):
    """A device whose tokens are bytes and whose failures are a function of the pieces.

    Keeps the real bookkeeping of lengths, so a step that llama.cpp would refuse fails here too.
    """

    def __init__(self, fail: Callable[[Sequence[Piece]], None]) -> None:
        self._fail = fail
        self.size = ContextSize(400, 400, 800, 16, 16)
        self.vocabulary_size = 260
        self._lengths = [0] * 16
        self.freed = False
        self.touched = False
        self.rows_read: list[int] = []

    def metadata(self, key: str) -> str | None:
        return None

    def special_words(self) -> tuple[str, str]:
        return "", ""

    def bos(self) -> int | None:
        return 258

    def choose_end(self, candidates: Tokens) -> int:
        return 259

    def tokenise(self, text: str, *, special: bool) -> Tokens:
        return tuple(text.encode())

    def copy(self, source: int, target: int) -> None:
        assert self._lengths[target] == 0
        self._lengths[target] = self._lengths[source]

    def forget(self, sequence: int) -> None:
        self._lengths[sequence] = 0

    def clear(self) -> None:
        self._lengths = [0] * 16

    def free(self) -> None:
        self.freed = True

    def is_untouched(self) -> bool:
        return not self.touched

    def decode(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        lengths = self._check(pieces)
        self._fail(pieces)
        self._lengths = lengths
        outputs = sum(piece.outputs for piece in pieces)
        self.rows_read.append(outputs)
        return np.zeros((outputs, self.vocabulary_size), np.float32)


def has_poison(pieces: Sequence[Piece]) -> bool:
    return any(ord(POISON) in piece.tokens for piece in pieces)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., tuple[LlamaEngine, ScriptedModel]]]:
    """Build engines over scripted devices and close them."""
    made: list[LlamaEngine] = []
    journal = Journal(tmp_path / "journal")

    def build(fail: Callable[[Sequence[Piece]], None]) -> tuple[LlamaEngine, ScriptedModel]:
        model = ScriptedModel(fail)
        groups = Groups(model, "scripted")
        engine = LlamaEngine(model, groups, journal, EngineModel("scripted", "00", 400), BUDGET)
        made.append(engine)
        return engine, model

    yield build
    for engine in made:
        engine.close()
    journal.close()


def ask_texts(engine: LlamaEngine, texts: Sequence[str]) -> dict[int, Completion]:
    return ask(engine, make_prompts(texts, frame=FRAME, choice=CHOICE))


def test_a_branch_that_cannot_win_is_not_opened(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """Two children at the root, two below one: the other has won, and nothing more is read."""
    engine, _ = make(lambda pieces: None)
    answer = ask_texts(engine, ["x"])[0]
    assert dict(answer.scores) == pytest.approx({"b": 0.5})
    assert answer.unopened == pytest.approx((0.5,))
    assert answer.usage.prompt_tokens == len("x>\n")
    assert answer.usage.shared_tokens == len("<") + 1
    assert answer.usage.output_tokens == 0


def test_a_set_of_labels_opens_each_of_them(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """The row is read once, and common beginnings of the questions once more."""
    engine, model = make(lambda pieces: None)
    choice = LabelSet(("aa", "ab", "b"), ask=":", yes="y", no="n")
    answer = ask(engine, make_prompts(["x"], frame=FRAME, choice=choice))[0]
    assert answer.scores == (("aa", 0.5), ("ab", 0.5), ("b", 0.5))
    assert answer.text == '["aa", "ab", "b"]'
    assert answer.usage.prompt_tokens == len("x>\n")
    assert answer.usage.output_tokens == len("aa:b:b:")
    assert model.rows_read == [0, 0, 3]


def test_a_set_that_fails_with_others_is_answered_alone(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """A row whose questions break a step costs its neighbours nothing but time."""

    def fail(pieces: Sequence[Piece]) -> None:
        if has_poison(pieces):
            raise DecodeError

    engine, _ = make(fail)
    choice = LabelSet(("aa", "ab", "b"), ask=":", yes="y", no="n")
    answers = ask(engine, make_prompts(["a", "!", "c"], frame=FRAME, choice=choice))
    assert [answers[key].error for key in range(3)] == [None, "engine_failed", None]


def test_no_slot_halves_the_step(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """A step the memory has no room for is cut in two until its parts fit."""

    def fail(pieces: Sequence[Piece]) -> None:
        if len(pieces) > 3:
            raise NoSlotError

    engine, model = make(fail)
    answers = ask_texts(engine, [f"row {number}" for number in range(11)])
    assert {answer.error for answer in answers.values()} == {None}
    assert max(model.rows_read) <= 3


def test_row_without_a_slot_even_alone_fails(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """A single row that finds no room fails; the rows beside it are answered."""

    def fail(pieces: Sequence[Piece]) -> None:
        if has_poison(pieces):
            raise NoSlotError

    engine, _ = make(fail)
    answers = ask_texts(engine, ["a", "b", POISON, "c", "d"])
    assert [answers[key].error for key in range(5)] == [None, None, "engine_failed", None, None]


def test_failed_step_is_retried_row_by_row(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """After a failed decode each row is tried alone once; only the bad one fails."""
    tried: list[int] = []

    def fail(pieces: Sequence[Piece]) -> None:
        if has_poison(pieces):
            tried.append(len(pieces))
            raise DecodeError

    engine, _ = make(fail)
    answers = ask_texts(engine, ["a", POISON, "b"])
    assert [answers[key].error for key in range(3)] == [None, "engine_failed", None]
    assert tried == [3, 1]


def test_failure_that_passes_is_forgotten(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """A decode that fails once costs a retry and no row."""
    failures = iter([DecodeError()])

    def fail(pieces: Sequence[Piece]) -> None:
        if error := next(failures, None):
            raise error

    engine, _ = make(fail)
    answers = ask_texts(engine, ["a", "b"])
    assert {answer.error for answer in answers.values()} == {None}


def test_dead_thread_hands_everything_back_and_refuses_more(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]], caplog: pytest.LogCaptureFixture
) -> None:
    """An unforeseen exception ends the engine: no row is left waiting, nothing of a row logged."""

    def fail(pieces: Sequence[Piece]) -> None:
        if has_poison(pieces):
            raise RuntimeError(POISON)

    engine, model = make(fail)
    answers = ask_texts(engine, ["secret words", POISON, "b"])
    assert {answer.error for answer in answers.values()} == {"withdrawn"}
    engine.close()
    assert model.freed
    with pytest.raises(EngineStopped):
        engine.submit(make_prompts(["late"], frame=FRAME, choice=CHOICE), Tray(1))
    assert "RuntimeError" in caplog.text
    assert POISON not in caplog.text
    assert "secret" not in caplog.text


def test_journal_names_the_rows_of_a_native_call(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]], tmp_path: Path
) -> None:
    """During a decode the journal holds exactly its rows, and nothing after it."""
    seen: list[tuple[int, ...]] = []
    engine, _ = make(lambda pieces: seen.append(read_suspects(tmp_path / "journal")))
    prompts = make_prompts(["a", "b"], first_key=7, frame=FRAME, choice=CHOICE)
    ask(engine, prompts, alone=True)
    ask(engine, make_prompts(["c", "d"], first_key=9, frame=FRAME, choice=CHOICE))
    assert set(seen) == {(7,), (8,), (9, 10)}
    assert read_suspects(tmp_path / "journal") == ()


def test_frames_take_turns_in_the_resident_place(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """Rows of two frames are both answered, each behind its own prefix."""
    engine, _ = make(lambda pieces: None)
    one, two = Tray(30), Tray(30)
    texts = ["t" * 20] * 30
    engine.submit(make_prompts(texts, frame=FRAME, choice=CHOICE), one)
    engine.submit(make_prompts(texts, frame=Frame("other", before="{"), choice=CHOICE), two)
    assert {answer.usage.shared_tokens for answer in one.wait().values()} == {2}
    assert {answer.usage.shared_tokens for answer in two.wait().values()} == {len("other\n\n{") + 1}


def test_device_time_is_split_over_the_rows(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """The rows' device times add up to the engine's busy time."""
    engine, _ = make(lambda pieces: None)
    answers = ask_texts(engine, ["short", "a much longer row of text", "mid size"])
    spent = sum(answer.usage.device_ms for answer in answers.values())
    assert spent == pytest.approx(1000 * engine.counters().busy_seconds)


def test_a_file_that_was_overwritten_answers_no_more(
    make: Callable[..., tuple[LlamaEngine, ScriptedModel]],
) -> None:
    """Its answers would stand under the hash of what it was; the rows are handed back."""
    engine, model = make(lambda pieces: None)
    assert ask_texts(engine, ["x"])[0].error is None
    model.touched = True
    assert {answer.error for answer in ask_texts(engine, ["x", "y"]).values()} == {"withdrawn"}
    with pytest.raises(EngineStopped):
        ask_texts(engine, ["z"])
