"""Written answers with little room, forced tokens, and the ways an answer can end."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from jobs.prompt import FreeText, JsonText
from tests.engines.conformance import Tray, ask, check_tokens, make_prompts
from tests.engines.writer import (
    BUDGET,
    FRAME,
    LABELS,
    OTHER,
    Make,
    WritingModel,
    capitals,
    write,
)
from workers.engines.llama.model import Piece
from workers.engines.llama.step import Budget

BOS = 258  # every prefix begins with it
NARROW = Budget(step_tokens=60, context_tokens=400, cells=600, sequences=16, outputs=32)
LONG = FreeText(150)
FIELDS = {
    name: {"type": "string", "maxLength": 3} for name in ("sender_address", "receiver_address")
}
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": FIELDS,
        "required": list(FIELDS),
        "additionalProperties": False,
    }
)


def make_texts(count: int, size: int) -> list[str]:
    """Return texts that go in no circle."""
    chance = random.Random(count)  # noqa: S311
    return ["".join(chance.choices("abcdefgh", k=size)) for _ in range(count)]


def test_forced_tokens_go_in_as_one_chunk(make_writer: Make) -> None:
    """What a schema leaves no choice about costs no decode, and every token has its score."""
    engine, model = make_writer()
    prompts = make_prompts(["word"], frame=FRAME, choice=JsonText(SCHEMA, 100))
    (answer,) = ask(engine, prompts).values()
    check_tokens(answer)
    assert answer.finish == "stop"
    assert list(json.loads(str(answer.text))) == list(FIELDS)
    assert len(answer.tokens) > 40
    assert len(model.decodes) < 20
    assert engine.counters().generated_tokens == len(answer.tokens)


def test_forced_chunks_of_many_rows_share_the_outputs_of_a_decode(make_writer: Make) -> None:
    """More forced tokens than a decode gives logits for are read in parts, none unscored."""
    engine, model = make_writer()
    prompts = make_prompts(["word"] * 12, frame=FRAME, choice=JsonText(SCHEMA, 100))
    answers = ask(engine, prompts)
    for answer in answers.values():
        check_tokens(answer)
    assert len({(answer.text, answer.tokens) for answer in answers.values()}) == 1
    assert max(model.rows_read) == BUDGET.outputs


@pytest.mark.parametrize("most", range(1, 50, 3))
def test_json_that_is_cut_is_marked_wherever_it_is_cut(make_writer: Make, most: int) -> None:
    """Among forced tokens or chosen ones: as many as allowed, each scored, never called whole."""
    engine, _ = make_writer()
    prompts = make_prompts(["word"], frame=FRAME, choice=JsonText(SCHEMA, most))
    (answer,) = ask(engine, prompts).values()
    check_tokens(answer)
    if answer.finish == "stop":
        json.loads(str(answer.text))
    else:
        assert answer.finish == "length"
        assert len(answer.tokens) == most


def test_rows_that_lose_their_place_are_written_as_if_they_had_not(make_writer: Make) -> None:
    """With few cells the youngest rows are read again with what they wrote."""
    texts = make_texts(12, 100)
    narrow, _ = make_writer(budget=NARROW)
    wide, _ = make_writer(budget=replace(NARROW, cells=8000))
    prompts = make_prompts(texts, frame=FRAME, choice=LONG)
    few, many = ask(narrow, prompts), ask(wide, prompts)
    assert narrow.counters().preempted_rows > 0
    assert wide.counters().preempted_rows == 0
    assert [few[key].text for key in range(12)] == capitals(texts)
    for key in range(12):
        assert few[key].tokens == many[key].tokens
        assert few[key].usage.output_tokens == 101
    assert narrow.counters().peak_cells <= NARROW.cells


def test_forced_tokens_survive_a_lost_place(make_writer: Make) -> None:
    """JSON that is read again after it lost its place is the same JSON."""
    names = [f"a_name_of_a_field_{number}" for number in range(6)]
    fields = {name: {"type": "string", "maxLength": 3} for name in names}
    schema = {"type": "object", "properties": fields, "required": names}
    choice = JsonText(json.dumps({**schema, "additionalProperties": False}), 230)
    prompts = make_prompts(make_texts(9, 60), frame=FRAME, choice=choice)
    narrow, _ = make_writer(budget=NARROW)
    wide, _ = make_writer(budget=replace(NARROW, cells=8000))
    few, many = ask(narrow, prompts), ask(wide, prompts)
    assert narrow.counters().preempted_rows > 0
    for key, answer in few.items():
        check_tokens(answer)
        assert answer.tokens == many[key].tokens
        assert answer.text == many[key].text
        assert list(json.loads(str(answer.text))) == names


def test_two_frames_are_resident_at_once(make_writer: Make) -> None:
    """Each prefix is read once while rows of both come by turns."""
    prefixes: list[int] = []

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        prefixes.extend(len(piece.tokens) for piece in pieces if BOS in piece.tokens)

    engine, _ = make_writer(fail)
    for number in range(6):
        frame = (FRAME, OTHER)[number % 2]
        assert write(engine, ["abc", "de"], frame=frame) == ["ABC", "DE"]
        write(engine, ["x"], frame=frame, choice=LABELS)
    assert len(prefixes) == 2


def test_a_row_without_text_costs_no_prefix(make_writer: Make) -> None:
    """A submission that is refused row by row leaves what the engine holds alone."""
    prefixes: list[int] = []

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        prefixes.extend(len(piece.tokens) for piece in pieces if BOS in piece.tokens)

    engine, _ = make_writer(fail)
    assert write(engine, ["a"]) == ["A"]
    assert write(engine, [" "]) == ["no_text"]
    assert write(engine, ["b"], frame=OTHER, alone=True) == ["B"]
    assert write(engine, ["c"]) == ["C"]
    assert len(prefixes) == 2


def test_drawn_answers_are_the_same_alone_and_together(make_writer: Make) -> None:
    """Random numbers belong to a row's text: batch, order and lost places change nothing."""
    choice = FreeText(120, temperature=1.0, min_p=0.3, seed=5)
    texts = [text + "%" for text in make_texts(8, 90)]
    prompts = make_prompts(texts, frame=FRAME, choice=choice)
    engine, _ = make_writer()
    narrow, _ = make_writer(budget=NARROW)
    together, alone = ask(engine, prompts), ask(engine, prompts, alone=True)
    again = ask(narrow, prompts[::-1])
    assert narrow.counters().preempted_rows > 0
    answers = [str(together[key].text) for key in range(8)]
    assert answers != capitals(texts)
    assert answers == [alone[key].text for key in range(8)] == [again[key].text for key in range(8)]
    other = ask(engine, make_prompts(texts, frame=FRAME, choice=replace(choice, seed=6)))
    assert all(other[key].text != answers[key] for key in range(8))


def test_an_answer_that_goes_in_circles_ends(make_writer: Make) -> None:
    """It says so, its tokens tile it, and its neighbours are written to their end."""
    engine, _ = make_writer()
    answers = ask(engine, make_prompts(["~", "fine"], frame=FRAME, choice=FreeText(300)))
    check_tokens(answers[0])
    assert answers[0].finish == "repeated"
    assert len(answers[0].tokens) < 100
    assert (answers[1].text, answers[1].finish) == ("FINE", "stop")


@pytest.mark.parametrize(
    ("item", "count"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 1}, 40),
        ({"type": "object", "properties": {"n": {"type": "boolean"}}, "required": ["n"]}, 15),
    ],
)
def test_json_that_repeats_itself_as_it_was_asked_is_whole(
    make_writer: Make, item: dict[str, object], count: int
) -> None:
    """Flags that are all the same are an answer, not a circle."""
    engine, _ = make_writer()
    item = {**item, "additionalProperties": False} if "properties" in item else item
    schema = {"type": "array", "items": item, "minItems": count, "maxItems": count}
    choice = JsonText(json.dumps(schema), 380)
    (answer,) = ask(engine, make_prompts(["~" * 3], frame=FRAME, choice=choice)).values()
    check_tokens(answer)
    assert answer.finish == "stop"
    assert len(json.loads(str(answer.text))) == count


def test_an_answer_may_be_made_to_ignore_its_end(make_writer: Make) -> None:
    """For measuring: exactly `max_tokens`, whatever the model would end or repeat."""
    engine, _ = make_writer()
    choice = FreeText(90, ignore_end=True)
    answers = ask(engine, make_prompts(["ab", "~"], frame=FRAME, choice=choice))
    for answer in answers.values():
        check_tokens(answer)
        assert (answer.finish, len(answer.tokens)) == ("length", 90)
    assert answers[0].text == "AB"


def test_labels_are_scored_alike_beside_rows_that_lose_their_place(make_writer: Make) -> None:
    """A full context costs label rows nothing but time."""
    engine, _ = make_writer(budget=NARROW)
    texts = make_texts(9, 100)
    written, labels = Tray(9), Tray(40)
    engine.submit(make_prompts(texts, frame=FRAME, choice=LONG), written)
    rows = make_prompts(["x" * 30] * 40, frame=OTHER, choice=LABELS, first_key=50)
    engine.submit(rows, labels)
    assert len({answer.scores for answer in labels.wait().values()}) == 1
    answers = written.wait()
    assert [answers[key].text for key in range(9)] == capitals(texts)
