"""How fast this processor reads and writes with a file, and what the file answers to the probe."""

import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Final

from jobs.errors import ModelError
from jobs.prompt import Completion
from workers.engines.llama.labels import Tokens
from workers.engines.llama.loader import load_engine
from workers.engines.llama.model import ContextSize, Model, Piece
from workers.engines.llama.probe import ENGLISH, JAPANESE, make_prompts
from workers.journal import Journal

ROWS: Final = 8  # read together
ROW_TOKENS: Final = 24  # of each
WARM_TOKENS: Final = 4  # of each, in the run before the first one that counts
REPEATS: Final = 5
ENOUGH_REPEATS: Final = 3
ENOUGH_SECONDS: Final = 2.0  # a slow model is not repeated more often than that takes
LONG_SECONDS: Final = 10.0  # nor at all if one run took this long
HOPELESS: Final = 0.7
"""Fewer threads are not tried once they read at this share of the best rate or less."""

WRITERS: Final = 4  # a small batch
WRITTEN_TOKENS: Final = 12
WAIT_SECONDS: Final = 900.0  # for one answer of the slowest model
Shares = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second: read on each number of threads, and written on the fastest of them.

    `share` is how much of the processor time that the threads wanted they got: others ran, too,
    if it is well below 1.
    """

    by_threads: Mapping[int, float]
    threads: int
    reading: float
    writing: float
    share: float = 1.0


def measure_speed(path: Path, thread_counts: Sequence[int]) -> Speed:
    """Time the file on this processor, the medians of some repeats; raises `ModelError`.

    `thread_counts` are tried in their order, the largest first.
    """
    model = Model(path, gpu_layers=0)
    try:
        cells = ROWS * ROW_TOKENS + WRITERS * WRITTEN_TOKENS
        model.open_context(ContextSize(512, 512, cells, ROWS, ROWS), max(thread_counts))
        text = " ".join((*ENGLISH, *JAPANESE))
        stock = model.tokenise(text, special=False)
        reading: dict[int, float] = {}
        shares: list[float] = []
        for threads in thread_counts:
            model.use_threads(threads)
            reading[threads], used = _time_reading(model, stock)
            shares.append(used / threads)
            if reading[threads] <= HOPELESS * max(reading.values()):
                break
        best = max(reading, key=lambda threads: reading[threads])
        model.use_threads(best)
        writing = _time_writing(model, stock)
        return Speed(reading, best, reading[best], writing, min(shares))
    finally:
        model.free()


def _time_reading(model: Model, stock: Tokens) -> tuple[float, float]:
    """Return tokens per second, and how many processors were at work on average."""
    _read_once(model, stock, WARM_TOKENS)
    rates: list[float] = []
    started, worked = time.perf_counter(), time.process_time()
    while len(rates) < REPEATS:
        rates.append(_read_once(model, stock, ROW_TOKENS))
        seconds = time.perf_counter() - started
        if seconds > (ENOUGH_SECONDS if len(rates) >= ENOUGH_REPEATS else LONG_SECONDS):
            break
    used = (time.process_time() - worked) / (time.perf_counter() - started)
    return statistics.median(rates), used


def _read_once(model: Model, stock: Tokens, size: int) -> float:
    model.clear()
    pieces = [Piece(_cut(stock, row * size, size), 0, (row,), outputs=1) for row in range(ROWS)]
    started = time.perf_counter()
    model.decode(pieces)
    return ROWS * size / (time.perf_counter() - started)


def _time_writing(model: Model, stock: Tokens) -> float:
    """Return the tokens per second of a few rows that each get one token after another."""
    model.clear()
    model.decode([Piece(stock[:1], 0, (row,), outputs=1) for row in range(WRITERS)])
    seconds = []
    for position in range(1, WRITTEN_TOKENS):
        token = _cut(stock, position, 1)
        started = time.perf_counter()
        model.decode([Piece(token, position, (row,), outputs=1) for row in range(WRITERS)])
        seconds.append(time.perf_counter() - started)
    return WRITERS / statistics.median(seconds)


def _cut(stock: Tokens, begin: int, size: int) -> Tokens:
    """Return `size` tokens of the stock from `begin` on, which goes round."""
    return tuple(stock[(begin + at) % len(stock)] for at in range(size))


def answer_probe(path: Path, threads: int, *, shuffled: bool = False) -> list[Shares]:
    """Return the probabilities of every question's labels, in the order of the probe.

    `shuffled` hands the same questions in in another order: what it changes is the arithmetic's
    own noise. Raises `ModelError`.
    """
    prompts = make_prompts()
    handed = random.Random(1).sample(prompts, len(prompts)) if shuffled else prompts  # noqa: S311 - an order, no secret
    answers: Queue[Completion] = Queue()
    with tempfile.TemporaryDirectory(prefix="sekisho-probe-") as folder:
        journal = Journal(Path(folder) / "journal")
        engine = load_engine(
            path, path.name, threads, journal, context_tokens=512, step_tokens=512, gpu_layers=0
        )
        try:
            engine.submit(handed, answers.put)
            found = [answers.get(timeout=WAIT_SECONDS) for _ in handed]
        finally:
            engine.close()
            journal.close()
    by_key = {answer.key: answer for answer in found}
    if any(answer.error is not None for answer in found):
        raise ModelError("prepare_probe_failed", path=path)
    return [tuple(share for _, share in by_key[prompt.key].scores) for prompt in prompts]
