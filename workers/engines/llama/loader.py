"""From a file and a few numbers to a running engine."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from workers.engines.llama.engine import LlamaEngine
from workers.engines.llama.gguf import hash_file
from workers.engines.llama.groups import Groups
from workers.engines.llama.model import CELL_PADDING, MAX_SEQUENCES, ContextSize, Model, has_gpu
from workers.engines.llama.scheduler import Budget
from workers.engines.prepared import count_cores
from workers.engines.protocol import EngineModel
from workers.journal import Journal

__all__ = ["LlamaEngine", "choose_threads", "has_gpu", "load_engine"]

DEFAULT_CONTEXT_TOKENS: Final = 8192  # or what the model was trained for, if that is less
UBATCH_TOKENS: Final = 512  # what the device computes in one go; longer decodes are cut by it
MIN_SEQUENCES: Final = 4  # the prefix, a row, and room for a path of its trie


def load_engine(
    path: Path,
    name: str,
    threads: int | None,
    journal: Journal,
    *,
    context_tokens: int | None = None,
    step_tokens: int = 2048,
    sequences: int = 128,
    gpu_layers: int = -1,
    file_hash: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LlamaEngine:
    """Load a GGUF file and start its engine; raises `ModelError`.

    `threads` None leaves one core for Python where there are more than two. `context_tokens`
    bounds one prompt with its answer, `step_tokens` what a step reads of several rows,
    `sequences` (4 to 256) the rows and label paths held at once. `file_hash` is the file's
    sha256 where the caller has just made sure of it; else the file is read for it.
    """
    if not MIN_SEQUENCES <= sequences <= MAX_SEQUENCES or step_tokens < 1:
        raise ValueError((sequences, step_tokens))
    model = Model(path, gpu_layers=gpu_layers)
    try:
        context = context_tokens or min(model.trained_tokens, DEFAULT_CONTEXT_TOKENS)
        cells = -(-(context + step_tokens) // CELL_PADDING) * CELL_PADDING
        size = ContextSize(context, min(context, UBATCH_TOKENS), cells, sequences)
        model.open_context(size, threads or choose_threads())
        groups = Groups(model, name, max_paths=sequences // 4)
    except BaseException:
        model.free()
        raise
    about = EngineModel(name, file_hash or hash_file(path), context)
    budget = Budget(min(step_tokens, context), context, cells, sequences)
    return LlamaEngine(model, groups, journal, about, budget, clock=clock)


def choose_threads() -> int:
    """Return all cores of this process, less one for Python where there are more than two.

    ggml's threads spin while they wait; one that shares its core slows all the others.
    """
    cores = count_cores()
    return cores - 1 if cores > 2 else cores
