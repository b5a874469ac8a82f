"""Written answers come through failures of the device."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.prompt import JsonText
from tests.engines.conformance import Tray, ask, make_prompts
from tests.engines.writer import (
    FRAME,
    LABELS,
    OTHER,
    TEXTS,
    UPPER,
    Make,
    WritingModel,
    capitals,
    write,
)
from workers.engines.llama.constraint import ConstraintError, Matcher
from workers.engines.llama.model import NoSlotError, Piece
from workers.engines.llama.vocabulary import DecodeError


def test_a_constraint_without_a_way_on_fails_its_row(
    make_writer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A matcher that gives up costs its own row, never a neighbour and never the thread."""
    engine, _ = make_writer()
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


def test_no_slot_splits_the_decode(make_writer: Make) -> None:
    """Rows that find no room together are read in parts, and none is lost."""

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if len(pieces) > 3:
            raise NoSlotError

    engine, model = make_writer(fail)
    assert write(engine, TEXTS) == capitals(TEXTS)
    assert max(map(len, model.decodes)) <= 3


def test_a_row_without_room_waits_for_the_others(make_writer: Make) -> None:
    """A single row that finds no room beside others begins again when they are done."""

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        rows = [held for held in model.held[1:] if held]
        if len(rows) > 4:
            raise NoSlotError

    engine, _ = make_writer(fail)
    assert write(engine, TEXTS) == capitals(TEXTS)


def test_a_row_that_never_finds_room_fails_alone(make_writer: Make) -> None:
    """The rows beside it are written."""

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if any(ord("!") in piece.tokens for piece in pieces):
            raise NoSlotError

    engine, _ = make_writer(fail)
    assert write(engine, ["a", "b!", "cc"]) == ["A", "engine_failed", "CC"]


@pytest.mark.parametrize("poison", ["!", "X"])
def test_a_poisonous_row_fails_alone(make_writer: Make, poison: str) -> None:
    """Whether its text or what it writes ends the decode: it fails, its neighbours do not."""

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if any(ord(poison) in piece.tokens for piece in pieces):
            raise DecodeError

    engine, _ = make_writer(fail)
    texts = [*TEXTS, "aaa!x-", *TEXTS]
    expected: list[str] = capitals(texts)
    expected[len(TEXTS)] = "engine_failed"
    assert write(engine, texts) == expected


@pytest.mark.parametrize("at", [1, 2, 3, 9, 17])
def test_a_failure_that_passes_costs_no_row_and_no_token(make_writer: Make, at: int) -> None:
    """After a failed decode rows go on from what they have; usage counts each token once."""
    calls = iter(range(10_000))

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if next(calls) == at:
            raise DecodeError

    engine, _ = make_writer(fail)
    answers = ask(engine, make_prompts(TEXTS, frame=FRAME, choice=UPPER))
    for key, text in enumerate(TEXTS):
        assert answers[key].text == text.upper()
        assert answers[key].usage.output_tokens == len(text) + 1


@pytest.mark.parametrize("at", range(2, 14))
def test_text_and_labels_survive_each_others_failures(make_writer: Make, at: int) -> None:
    """A failed decode of one kind costs the other kind nothing but time."""
    calls = iter(range(10_000))

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if next(calls) == at:
            raise DecodeError

    engine, _ = make_writer(fail)
    texts, labels = Tray(11), Tray(40)
    engine.submit(make_prompts(TEXTS, frame=FRAME, choice=UPPER), texts)
    rows = make_prompts(["x"] * 40, frame=OTHER, choice=LABELS, first_key=50)
    engine.submit(rows, labels)
    answers = texts.wait()
    assert [answers[key].text for key in range(11)] == capitals(TEXTS)
    assert {answer.error for answer in labels.wait().values()} == {None}


def test_logits_that_are_no_numbers_fail_their_row(make_writer: Make) -> None:
    """NaN is no answer, and touches no neighbour."""
    engine, _ = make_writer()
    assert write(engine, ["a", "what?", "b"]) == ["A", "engine_failed", "B"]
