"""Rows in a batch are answered as they are alone, as nearly as the arithmetic lets them be.

A batch's shape moves the last bits of every number, on quantised weights by some percent. The
yardstick is what the raw API itself shows between two orders of one batch, in the same run.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.prompt import Completion, Frame, FreeText, LabelChoice
from tests.engines.conformance import ask, make_prompts
from workers.engines.llama import load_engine
from workers.engines.llama.groups import Groups
from workers.engines.llama.labels import Tokens
from workers.engines.llama.model import ContextSize, Model, Piece
from workers.engines.llama.quantize import quantize
from workers.journal import Journal

pytestmark = pytest.mark.slow

FRAME = Frame("Sort the message into one category.", before="Message: ", answer_start="Category:")
LABELS = LabelChoice((" refund", " delivery", " password", " invoice", " other"))
COPY = Frame("Write the message again, more politely.", before="Message: ")
WRITTEN = FreeText(max_tokens=24)
THINGS = ("parcel", "invoice", "password", "lamp", "refund", "order", "card", "ticket")
DEEDS = ("never came", "is wrong", "was reset", "is broken", "is late", "came twice", "is lost")
TOLERANCE = 3e-3  # of a label's probability, on F32 weights
SLACK = 1.5  # times what the raw API shows
MIN_EQUAL = 0.95


def make_texts(count: int) -> list[str]:
    return [
        f"My {THINGS[n % len(THINGS)]} {DEEDS[n % len(DEEDS)]} since day {n}, please help me"
        for n in range(count)
    ]


def rows_of(model: Model, texts: Sequence[str], frame: Frame, choice: LabelChoice) -> list[Tokens]:
    groups = Groups(model, "smollm2")
    group = groups.find(make_prompts(["x"], frame=frame, choice=choice)[0])
    return [group.prefix + model.tokenise(text, special=False) + group.suffix for text in texts]


def read_raw(model: Model, rows: Sequence[Tokens], order: Sequence[int]) -> NDArray[np.float64]:
    """Return log-probabilities (rows, vocabulary) of one batch whose rows stand in an order."""
    model.clear()
    pieces = [Piece(rows[number], 0, (place,), 1) for place, number in enumerate(order)]
    logits = model.decode(pieces).astype(np.float64)
    found = np.empty_like(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    found[list(order)] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found


def measure_orders(path: Path) -> tuple[float, float]:
    """Return how far two orders of a batch are apart: in a label's probability, in log-probability.

    The second is of the likeliest token of each row.
    """
    model = Model(path, gpu_layers=0)
    try:
        model.open_context(ContextSize(2048, 512, 2048, 32, 32), 2)
        texts = make_texts(24)
        rows = rows_of(model, texts, FRAME, LABELS)
        group = Groups(model, "smollm2").find(make_prompts(["x"], frame=FRAME, choice=LABELS)[0])
        children = list(group.trie.branches[0].children)
        labels, tops = 0.0, 0.0
        forwards = read_raw(model, rows, range(len(rows)))
        for seed in range(4):
            order = np.random.default_rng(seed).permutation(len(rows)).tolist()
            other = read_raw(model, rows, order)
            shares = [np.exp(one[:, children]) for one in (forwards, other)]
            first, second = (one / one.sum(axis=1, keepdims=True) for one in shares)
            labels = max(labels, float(np.abs(first - second).max()))
            best = forwards.argmax(axis=1)
            at = np.arange(len(rows))
            tops = max(tops, float(np.abs(forwards[at, best] - other[at, best]).max()))
        return labels, tops
    finally:
        model.free()


def answer(
    path: Path, journal: Path, texts: Sequence[str], frame: Frame, choice: LabelChoice | FreeText
) -> tuple[dict[int, Completion], dict[int, Completion]]:
    """Return the answers of rows in batches, and of the same rows each alone."""
    engine = load_engine(path, "smollm2", 2, Journal(journal), context_tokens=2048, gpu_layers=0)
    try:
        prompts = make_prompts(texts, frame=frame, choice=choice)
        return ask(engine, prompts), ask(engine, prompts, alone=True)
    finally:
        engine.close()


def label_difference(batched: Completion, alone: Completion) -> float:
    first, second = dict(batched.scores), dict(alone.scores)
    assert first.keys() == second.keys() == set(LABELS.labels)
    return max(abs(first[label] - second[label]) for label in first)


def test_labels_in_a_batch_are_those_alone_on_exact_weights(
    model_path: Path, tmp_path: Path
) -> None:
    """On F32 weights five labels' probabilities differ by at most 0.003."""
    exact = tmp_path / "f32.gguf"
    quantize(model_path, exact, "f32", threads=2)
    batched, alone = answer(exact, tmp_path / "journal", make_texts(60), FRAME, LABELS)
    assert max(label_difference(batched[key], alone[key]) for key in batched) <= TOLERANCE


def test_labels_in_a_batch_move_no_more_than_the_raw_api_does(
    model_path: Path, tmp_path: Path
) -> None:
    """On the file as it is they differ by at most one and a half times the yardstick."""
    yardstick, _ = measure_orders(model_path)
    batched, alone = answer(model_path, tmp_path / "journal", make_texts(60), FRAME, LABELS)
    worst = max(label_difference(batched[key], alone[key]) for key in batched)
    assert worst <= SLACK * yardstick


def test_written_answers_are_the_same_but_for_near_ties(model_path: Path, tmp_path: Path) -> None:
    """Of 200 greedy answers 95% are equal; the others part where two tokens were as likely."""
    exact = tmp_path / "f32.gguf"
    quantize(model_path, exact, "f32", threads=2)
    _, yardstick = measure_orders(exact)
    batched, alone = answer(exact, tmp_path / "journal", make_texts(200), COPY, WRITTEN)
    apart = [key for key in batched if batched[key].text != alone[key].text]
    assert len(apart) <= (1 - MIN_EQUAL) * len(batched)
    for key in apart:
        first, second = batched[key].tokens, alone[key].tokens
        texts = (str(batched[key].text).encode(), str(alone[key].text).encode())
        split = next(
            n
            for n, (one, other) in enumerate(zip(first, second, strict=False))
            if texts[0][: one.end] != texts[1][: other.end]
        )
        assert abs(first[split].logprob - second[split].logprob) <= 2 * SLACK * yardstick
