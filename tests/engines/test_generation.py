"""Writing through failures, on a device that writes what it can read in its own memory."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from llguidance import LLTokenizer
from numpy.typing import NDArray

from jobs.prompt import Constraint, Frame, FreeText, JsonText, LabelChoice
from tests.engines.conformance import PATIENCE_SECONDS, Tray, ask, check_tokens, make_prompts
from tests.engines.test_engine import ScriptedModel
from workers.engines.llama.constraint import ConstraintError, Grammars, Matcher
from workers.engines.llama.engine import LlamaEngine
from workers.engines.llama.groups import Groups
from workers.engines.llama.labels import Tokens
from workers.engines.llama.model import ContextSize, NoSlotError, Piece
from workers.engines.llama.scheduler import Budget
from workers.engines.llama.vocabulary import DecodeError
from workers.engines.protocol import EngineModel
from workers.journal import Journal, read_suspects

BUDGET = Budget(step_tokens=400, context_tokens=400, cells=800, sequences=16)
FRAME = Frame("", before="<", after=">")
OTHER = Frame("other words", before="{<", after=">")
UPPER = FreeText(max_tokens=30)
LABELS = LabelChoice(("aa", "ab", "b"))
END = 261  # llguidance's tokenizer of plain bytes ends with it
TEXTS = tuple(f"row {number} of many" for number in range(11))

Fail = Callable[[Sequence[Piece], "WritingModel"], None]
Make = Callable[..., tuple[LlamaEngine, "WritingModel"]]


class WritingModel(ScriptedModel):
    """Writes a row's text in capitals, by looking at what its sequence really holds.

    A text that contains "~" never ends; one that contains "?" gives logits that are no numbers.
    """

    copies_parts = True

    def __init__(self, fail: Fail) -> None:
        super().__init__(lambda pieces: fail(pieces, self))
        self.size = ContextSize(400, 400, 800, 16)
        self.vocabulary_size = 262
        self.held: list[list[int]] = [[] for _ in range(16)]
        self.decodes: list[set[str]] = []

    def choose_end(self, candidates: Tokens) -> int:
        return END

    def is_end(self, token: int) -> bool:
        return token == END

    def token_bytes(self, token: int) -> bytes:
        return bytes([token])

    def copy(self, source: int, target: int, tokens: int | None = None) -> None:
        super().copy(source, target, tokens)
        self.held[target] = self.held[source][:tokens]

    def forget(self, sequence: int) -> None:
        super().forget(sequence)
        self.held[sequence] = []

    def clear(self) -> None:
        super().clear()
        self.held = [[] for _ in range(16)]

    def decode(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        logits = super().decode(pieces)
        for piece in pieces:
            for number in piece.sequences:
                self.held[number] += piece.tokens
        assert sum(map(len, self.held)) <= 16 * 400
        written = [piece for piece in pieces if piece.output]
        self.decodes.append({self.text_of(piece) for piece in written})
        for values, piece in zip(logits, written, strict=True):
            values[self._next(piece)] = 5.0
            if "?" in self.text_of(piece):
                values[3] = np.nan
        return logits

    def text_of(self, piece: Piece) -> str:
        """Return the row's text that stands in a piece's sequence."""
        return self._split(piece)[0]

    def _split(self, piece: Piece) -> tuple[str, str]:
        held = bytes(token for token in self.held[piece.sequences[0]] if token < 256).decode()
        text, _, answer = held.rpartition("<")[2].partition(">\n")
        return text, answer

    def _next(self, piece: Piece) -> int:
        text, answer = self._split(piece)
        if "~" in text:
            return ord("~")
        return ord(text[len(answer)].upper()) if len(answer) < len(text) else END


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Build engines over writing devices and close them."""
    made: list[LlamaEngine] = []
    journal = Journal(tmp_path / "journal")

    def build(fail: Fail = lambda pieces, model: None) -> tuple[LlamaEngine, WritingModel]:
        model = WritingModel(fail)
        grammars = Grammars(lambda: LLTokenizer("byte"))
        groups = Groups(model, "scripted", max_paths=4, grammars=grammars)
        engine = LlamaEngine(model, groups, journal, EngineModel("scripted", "00", 400), BUDGET)
        made.append(engine)
        return engine, model

    yield build
    for engine in made:
        engine.close()
    journal.close()


def write(
    engine: LlamaEngine,
    texts: Sequence[str],
    *,
    choice: Constraint = UPPER,
    frame: Frame = FRAME,
    alone: bool = False,
) -> list[str | None]:
    """Return each row's text, or its error."""
    answers = ask(engine, make_prompts(texts, frame=frame, choice=choice), alone=alone)
    return [answers[key].error or answers[key].text for key in range(len(texts))]


def capitals(texts: Sequence[str]) -> list[str]:
    return [text.upper() for text in texts]


def test_many_rows_are_written_together(make: Make) -> None:
    """More rows than find room are all written, several in one decode, each behind its text."""
    engine, model = make()
    texts = [f"row {number}" for number in range(60)]
    assert write(engine, texts) == capitals(texts)
    assert max(map(len, model.decodes)) >= 8


def test_a_free_place_goes_to_a_waiting_row(make: Make) -> None:
    """A long answer does not keep the places of short ones from others."""
    engine, model = make()
    assert write(engine, ["a" * 29, *["b"] * 40]) == ["A" * 29, *["B"] * 40]
    long_decodes = [texts for texts in model.decodes if "a" * 29 in texts]
    assert len(long_decodes) <= 30
    assert sum("b" in texts for texts in long_decodes) > 3


def test_answer_ends_at_a_stop_string_or_at_its_length(make: Make) -> None:
    """A stop string is no part of the answer; what is cut is marked."""
    engine, _ = make()
    prompts = make_prompts(["one. two"], frame=FRAME, choice=FreeText(30, (". ",)))
    (stopped,) = ask(engine, prompts).values()
    assert (stopped.text, stopped.finish, stopped.usage.output_tokens) == ("ONE", "stop", 5)
    (cut,) = ask(engine, make_prompts(["abcdef"], frame=FRAME, choice=FreeText(3))).values()
    assert (cut.text, cut.finish, cut.usage.output_tokens) == ("ABC", "length", 3)
    check_tokens(stopped)
    check_tokens(cut)


def test_json_is_written_against_the_models_wish(make: Make) -> None:
    """A device that would write the row in capitals writes JSON; only what may come comes."""
    engine, _ = make()
    words = {"type": "string", "maxLength": 5}
    schema = {"type": "object", "properties": {"word": words}, "required": ["word"]}
    choice = JsonText(json.dumps({**schema, "additionalProperties": False}), 40)
    texts = ['}}}"""', "plain words", "{" * 20]
    answers = ask(engine, make_prompts(texts, frame=FRAME, choice=choice))
    for answer in answers.values():
        check_tokens(answer)
        assert answer.finish == "stop"
        assert list(json.loads(str(answer.text))) == ["word"]


def test_a_constraint_without_a_way_on_fails_its_row(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A matcher that gives up costs its own row, never a neighbour and never the thread."""
    engine, _ = make()
    choose = Matcher.choose

    def give_up(self: Matcher, logits: NDArray[np.float32], best: int) -> int:
        if best == ord("Z"):
            raise ConstraintError
        return choose(self, logits, best)

    monkeypatch.setattr(Matcher, "choose", give_up)
    choice = JsonText('{"type":"string","maxLength":4}', 20)
    assert write(engine, ["abcd", "abz", "bcde"], choice=choice) == [
        '"BCD "',  # the quotes, which the device did not want, stand for its first wish
        "engine_failed",
        '"CDE "',
    ]


def test_no_slot_splits_the_decode(make: Make) -> None:
    """Rows that find no room together are read in parts, and none is lost."""

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if len(pieces) > 3:
            raise NoSlotError

    engine, model = make(fail)
    assert write(engine, TEXTS) == capitals(TEXTS)
    assert max(map(len, model.decodes)) <= 3


def test_a_row_without_room_waits_for_the_others(make: Make) -> None:
    """A single row that finds no room beside others begins again when they are done."""

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        rows = [held for held in model.held[1:] if held]
        if len(rows) > 4:
            raise NoSlotError

    engine, _ = make(fail)
    assert write(engine, TEXTS) == capitals(TEXTS)


def test_a_row_that_never_finds_room_fails_alone(make: Make) -> None:
    """The rows beside it are written."""

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if any(ord("!") in piece.tokens for piece in pieces):
            raise NoSlotError

    engine, _ = make(fail)
    assert write(engine, ["a", "b!", "cc"]) == ["A", "engine_failed", "CC"]


@pytest.mark.parametrize("poison", ["!", "X"])
def test_a_poisonous_row_fails_alone(make: Make, poison: str) -> None:
    """Whether its text or what it writes ends the decode: it fails, its neighbours do not."""

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if any(ord(poison) in piece.tokens for piece in pieces):
            raise DecodeError

    engine, _ = make(fail)
    texts = [*TEXTS, "aaa!x-", *TEXTS]
    expected: list[str] = capitals(texts)
    expected[len(TEXTS)] = "engine_failed"
    assert write(engine, texts) == expected


@pytest.mark.parametrize("at", [1, 2, 3, 9, 17])
def test_a_failure_that_passes_costs_no_row_and_no_token(make: Make, at: int) -> None:
    """After a failed decode rows go on from what they have; usage counts each token once."""
    calls = iter(range(10_000))

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if next(calls) == at:
            raise DecodeError

    engine, _ = make(fail)
    answers = ask(engine, make_prompts(TEXTS, frame=FRAME, choice=UPPER))
    for key, text in enumerate(TEXTS):
        assert answers[key].text == text.upper()
        assert answers[key].usage.output_tokens == len(text) + 1


@pytest.mark.parametrize("at", range(2, 14))
def test_text_and_labels_survive_each_others_failures(make: Make, at: int) -> None:
    """A failed decode of one kind costs the other kind nothing but time."""
    calls = iter(range(10_000))

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if next(calls) == at:
            raise DecodeError

    engine, _ = make(fail)
    texts, labels = Tray(11), Tray(40)
    engine.submit(make_prompts(TEXTS, frame=FRAME, choice=UPPER), texts)
    rows = make_prompts(["x"] * 40, frame=OTHER, choice=LABELS, first_key=50)
    engine.submit(rows, labels)
    answers = texts.wait()
    assert [answers[key].text for key in range(11)] == capitals(TEXTS)
    assert {answer.error for answer in labels.wait().values()} == {None}


def test_logits_that_are_no_numbers_fail_their_row(make: Make) -> None:
    """NaN is no answer, and touches no neighbour."""
    engine, _ = make()
    assert write(engine, ["a", "what?", "b"]) == ["A", "engine_failed", "B"]


def test_journal_names_exactly_the_rows_of_every_decode(make: Make, tmp_path: Path) -> None:
    """Rows that share a decode stand in the journal together, lonely ones by themselves."""
    seen: list[tuple[set[str], tuple[int, ...]]] = []

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        seen.append((set(), read_suspects(tmp_path / "journal")))

    engine, model = make(fail)
    together, lonely = Tray(4), Tray(2)
    engine.submit(make_prompts(["a1", "b22", "c333", "d4444"], frame=FRAME, choice=UPPER), together)
    rows = make_prompts(["e55", "f6"], frame=FRAME, choice=UPPER, first_key=4)
    engine.submit(rows, lonely, alone=True)
    together.wait()
    lonely.wait()
    keys = {"a1": 0, "b22": 1, "c333": 2, "d4444": 3, "e55": 4, "f6": 5}
    assert len(seen) == len(model.decodes)
    for (_, suspects), texts in zip(seen, model.decodes, strict=True):
        if texts:  # reading a prefix has no output; its rows are those that begin behind it
            assert {keys[text] for text in texts} == set(suspects)
        assert suspects
        assert len(suspects) == 1 or not {4, 5} & set(suspects)
    assert read_suspects(tmp_path / "journal") == ()


def test_withdrawn_rows_come_back_half_written(make: Make) -> None:
    """A stop waits for one step, not for the last token; what the row held is free again."""
    begun = threading.Event()

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if model.decodes and any("~" in text for text in model.decodes[-1]):
            begun.set()

    engine, model = make(fail)
    tray = Tray(3)
    endless = FreeText(300)
    engine.submit(make_prompts(["~~~", "b", "c"], frame=FRAME, choice=endless), tray)
    assert begun.wait(PATIENCE_SECONDS)
    engine.withdraw({0})
    answers = tray.wait()
    assert answers[0].error == "withdrawn"
    assert [answers[key].text for key in (1, 2)] == ["B", "C"]
    assert write(engine, ["after"]) == ["AFTER"]
    engine.close()
    assert [len(held) for held in model.held[1:]] == [0] * 15


def test_close_hands_back_what_is_half_written(make: Make) -> None:
    """Closing does not wait for answers that are being written."""
    begun = threading.Event()
    held = threading.Event()

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if len(model.decodes) == 5:
            begun.set()
            held.wait(PATIENCE_SECONDS)

    engine, model = make(fail)
    tray = Tray(2)
    engine.submit(make_prompts(["~", "~~"], frame=FRAME, choice=FreeText(300)), tray)
    assert begun.wait(PATIENCE_SECONDS)
    closing = threading.Thread(target=engine.close)
    closing.start()
    assert engine._closing.wait(PATIENCE_SECONDS)
    held.set()
    closing.join(PATIENCE_SECONDS)
    assert {answer.error for answer in tray.wait().values()} == {"withdrawn"}
    assert len(model.decodes) <= 7
    assert model.freed


def test_labels_do_not_wait_for_long_answers(make: Make) -> None:
    """Label rows that arrive while answers are written are answered among their tokens."""
    begun, go = threading.Event(), threading.Event()

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if len(model.decodes) == 3:
            begun.set()
            go.wait(PATIENCE_SECONDS)

    engine, model = make(fail)
    texts = Tray(20)
    engine.submit(make_prompts(["~"] * 20, frame=FRAME, choice=FreeText(100)), texts)
    assert begun.wait(PATIENCE_SECONDS)
    labels = Tray(30)
    engine.submit(make_prompts(["x"] * 30, frame=OTHER, choice=LABELS, first_key=50), labels)
    go.set()
    labels.wait()
    first = next(n for n, texts in enumerate(model.decodes) if "x" in texts)
    last = max(n for n, texts in enumerate(model.decodes) if "x" in texts)
    texts.wait()
    assert first <= 12
    assert last < len(model.decodes) / 2


def test_frames_that_are_written_together_read_their_prefix_once(make: Make) -> None:
    """A prefix that a row in writing still holds is not read again."""
    prefixes: list[int] = []

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        prefixes.extend(len(piece.tokens) for piece in pieces if not piece.output)

    engine, _ = make(fail)
    one, two = Tray(20), Tray(20)
    texts = ["abc" * (1 + number % 4) for number in range(20)]
    engine.submit(make_prompts(texts, frame=FRAME, choice=UPPER), one)
    engine.submit(make_prompts(texts, frame=OTHER, choice=UPPER), two)
    assert [one.wait()[key].text for key in range(20)] == capitals(texts)
    assert [two.wait()[key].text for key in range(20)] == capitals(texts)
    assert len(prefixes) < 12


def test_device_time_of_written_rows_adds_up(make: Make) -> None:
    """The rows' device times add up to the engine's busy time."""
    engine, _ = make()
    answers = ask(engine, make_prompts(TEXTS, frame=FRAME, choice=UPPER))
    spent = sum(answer.usage.device_ms for answer in answers.values())
    assert spent == pytest.approx(1000 * engine.counters().busy_seconds)
