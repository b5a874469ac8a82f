"""Our side: a loaded engine that is handed rows and timed until the last answer."""

import math
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.prompts import Item
from benchmarks.table import Run
from jobs.prompt import Completion
from workers.engines.llama import LlamaEngine, load_engine
from workers.engines.llama.loader import WRITERS, WRITERS_PREFIXES, WRITING_TOKENS
from workers.engines.protocol import Counters
from workers.journal import Journal

CELL_PADDING = 256  # llama.cpp rounds a context up to it


@dataclass(frozen=True, slots=True)
class Loading:
    """How both sides load the file."""

    model: Path
    threads: int
    context_tokens: int
    step_tokens: int
    sequences: int
    gpu_layers: int

    @property
    def cells(self) -> int:
        """Tokens that the engine's contexts hold: the one for all rows, and the writers'."""
        shared = math.ceil((self.context_tokens + self.step_tokens) / CELL_PADDING) * CELL_PADDING
        own = math.ceil(min(WRITING_TOKENS, self.context_tokens) / CELL_PADDING) * CELL_PADDING
        return shared + own * (WRITERS + WRITERS_PREFIXES)


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back for one submission, and what the engine counted meanwhile."""

    seconds: float
    completions: tuple[Completion, ...]
    counted: Counters

    def finish(self, amount: float, **facts: float) -> Run:
        """Return the run with its failures; an answer that was cut is no failure."""
        failed = sum(done.error is not None for done in self.completions)
        cut = sum(done.finish == "length" for done in self.completions if done.error is None)
        return Run(amount, self.seconds, failed, cut, facts)

    @property
    def read_tokens(self) -> int:
        """Prompt tokens as the prompts have them, shared ones counted for each row."""
        return sum(done.usage.prompt_tokens + done.usage.shared_tokens for done in self.completions)

    @property
    def written_tokens(self) -> int:
        return sum(len(done.tokens) for done in self.completions)

    @property
    def answered(self) -> int:
        return sum(done.error is None for done in self.completions)


@contextmanager
def open_engine(loading: Loading) -> Iterator[LlamaEngine]:
    """Load the file for one work and free it afterwards."""
    with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as folder:
        journal = Journal(Path(folder) / "journal")
        engine = load_engine(
            loading.model,
            loading.model.stem,
            loading.threads,
            journal,
            context_tokens=loading.context_tokens,
            step_tokens=loading.step_tokens,
            sequences=loading.sequences,
            gpu_layers=loading.gpu_layers,
        )
        try:
            yield engine
        finally:
            engine.close()
            journal.close()


def ask(engine: LlamaEngine, items: Sequence[Item]) -> Answers:
    """Submit all rows at once and wait for the last answer."""
    done: list[Completion] = []
    ended = threading.Event()

    def deliver(completion: Completion) -> None:
        done.append(completion)
        if len(done) == len(items):
            ended.set()

    before = engine.counters()
    begin = time.perf_counter()
    engine.submit([item.prompt for item in items], deliver)
    ended.wait()
    seconds = time.perf_counter() - begin
    after = engine.counters()
    counted = Counters(
        steps=after.steps - before.steps,
        rows=after.rows - before.rows,
        forwarded_tokens=after.forwarded_tokens - before.forwarded_tokens,
        shared_tokens=after.shared_tokens - before.shared_tokens,
        busy_seconds=after.busy_seconds - before.busy_seconds,
    )
    return Answers(seconds, tuple(done), counted)
