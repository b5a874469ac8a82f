"""Writing many rows together, on a device that tells what it holds."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from jobs.prompt import FreeText, JsonText
from tests.engines.conformance import PATIENCE_SECONDS, Tray, ask, check_tokens, make_prompts
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
from workers.engines.llama.model import Piece
from workers.journal import read_suspects


def test_many_rows_are_written_together(make_writer: Make) -> None:
    """More rows than find room are all written, several in one decode, each behind its text."""
    engine, model = make_writer()
    texts = [f"row {number}" for number in range(60)]
    assert write(engine, texts) == capitals(texts)
    assert max(map(len, model.decodes)) >= 8


def test_a_free_place_goes_to_a_waiting_row(make_writer: Make) -> None:
    """A long answer does not keep the places of short ones from others."""
    engine, model = make_writer()
    assert write(engine, ["a" * 29, *["b"] * 40]) == ["A" * 29, *["B"] * 40]
    long_decodes = [texts for texts in model.decodes if "a" * 29 in texts]
    assert len(long_decodes) <= 30
    assert sum("b" in texts for texts in long_decodes) > 3


def test_answer_ends_at_a_stop_string_or_at_its_length(make_writer: Make) -> None:
    """A stop string is no part of the answer; what is cut is marked."""
    engine, _ = make_writer()
    prompts = make_prompts(["one. two"], frame=FRAME, choice=FreeText(30, (". ",)))
    (stopped,) = ask(engine, prompts).values()
    assert (stopped.text, stopped.finish, stopped.usage.output_tokens) == ("ONE", "stop", 5)
    (cut,) = ask(engine, make_prompts(["abcdef"], frame=FRAME, choice=FreeText(3))).values()
    assert (cut.text, cut.finish, cut.usage.output_tokens) == ("ABC", "length", 3)
    check_tokens(stopped)
    check_tokens(cut)


def test_json_is_written_against_the_models_wish(make_writer: Make) -> None:
    """A device that would write the row in capitals writes JSON; only what may come comes."""
    engine, _ = make_writer()
    words = {"type": "string", "maxLength": 5}
    schema = {"type": "object", "properties": {"word": words}, "required": ["word"]}
    choice = JsonText(json.dumps({**schema, "additionalProperties": False}), 40)
    texts = ['}}}"""', "plain words", "{" * 20]
    answers = ask(engine, make_prompts(texts, frame=FRAME, choice=choice))
    for answer in answers.values():
        check_tokens(answer)
        assert answer.finish == "stop"
        assert list(json.loads(str(answer.text))) == ["word"]


def test_journal_names_exactly_the_rows_of_every_decode(make_writer: Make, tmp_path: Path) -> None:
    """Rows that share a decode stand in the journal together, lonely ones by themselves."""
    seen: list[tuple[set[str], tuple[int, ...]]] = []

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        seen.append((set(), read_suspects(tmp_path / "journal")))

    engine, model = make_writer(fail)
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


def test_withdrawn_rows_come_back_half_written(make_writer: Make) -> None:
    """A stop waits for one step, not for the last token; what the row held is free again."""
    begun = threading.Event()

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if model.decodes and any("~" in text for text in model.decodes[-1]):
            begun.set()

    engine, model = make_writer(fail)
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
    assert [len(held) for held in model.held[:-1]] == [0] * 15  # the last has the prefix


def test_close_hands_back_what_is_half_written(make_writer: Make) -> None:
    """Closing does not wait for answers that are being written."""
    begun = threading.Event()
    held = threading.Event()

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if len(model.decodes) == 5:
            begun.set()
            held.wait(PATIENCE_SECONDS)

    engine, model = make_writer(fail)
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


def test_labels_do_not_wait_for_long_answers(make_writer: Make) -> None:
    """Label rows that arrive while answers are written are answered among their tokens."""
    begun, go = threading.Event(), threading.Event()

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if len(model.decodes) == 3:
            begun.set()
            go.wait(PATIENCE_SECONDS)

    engine, model = make_writer(fail)
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


def test_frames_that_are_written_together_read_their_prefix_once(make_writer: Make) -> None:
    """A prefix that a row in writing still holds is not read again."""
    prefixes: list[int] = []

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        prefixes.extend(len(piece.tokens) for piece in pieces if not piece.outputs)

    engine, _ = make_writer(fail)
    one, two = Tray(20), Tray(20)
    texts = ["abc" * (1 + number % 4) for number in range(20)]
    engine.submit(make_prompts(texts, frame=FRAME, choice=UPPER), one)
    engine.submit(make_prompts(texts, frame=OTHER, choice=UPPER), two)
    assert [one.wait()[key].text for key in range(20)] == capitals(texts)
    assert [two.wait()[key].text for key in range(20)] == capitals(texts)
    assert len(prefixes) < 12


def test_device_time_of_written_rows_adds_up(make_writer: Make) -> None:
    """The rows' device times add up to the engine's busy time."""
    engine, _ = make_writer()
    answers = ask(engine, make_prompts(TEXTS, frame=FRAME, choice=UPPER))
    spent = sum(answer.usage.device_ms for answer in answers.values())
    assert spent == pytest.approx(1000 * engine.counters().busy_seconds)
