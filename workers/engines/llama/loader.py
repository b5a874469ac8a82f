"""From a file and a few numbers to a running engine."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jobs.errors import ModelError
from workers.engines.host import count_cores, free_memory
from workers.engines.llama.engine import LlamaEngine
from workers.engines.llama.gguf import hash_model
from workers.engines.llama.groups import Groups
from workers.engines.llama.model import (
    CELL_PADDING,
    MAX_SEQUENCES,
    Adapter,
    ContextSize,
    FlashAttention,
    KvType,
    Model,
    has_gpu,
)
from workers.engines.llama.step import Budget
from workers.engines.llama.writers import Writers
from workers.engines.protocol import EngineModel
from workers.journal import Journal

__all__ = ["Adapter", "LlamaEngine", "choose_threads", "has_gpu", "load_engine"]

_log = logging.getLogger(__name__)

DEFAULT_CONTEXT_TOKENS: Final = 8192  # or what the model was trained for, if that is less
LEAST_CONTEXT_TOKENS: Final = 2048  # where memory is short; an ordinary row has room in it
CONTEXT_SHARE: Final = 0.5  # of the memory that is free beside the weights
UBATCH_TOKENS: Final = 512  # what the device computes in one go; longer decodes are cut by it
MIN_SEQUENCES: Final = 4  # a prefix, a row, and room for paths of its trie
SEQUENCES: Final = 128
WRITING_TOKENS: Final = 512
WIDEST_WRITING_TOKENS: Final = 2048  # longer rows are few, and would cost memory for all
WRITERS: Final = 32
WRITERS_PREFIXES: Final = 4
MIN_WRITERS: Final = 8  # fewer are no gain over the context that all share
WRITERS_SHARE: Final = 0.25  # of the memory that is free beside the weights
SPLIT_SEQUENCES: Final = 32  # each of them has a whole context of its own
MAX_OUTPUTS: Final = 256  # rows of logits one decode gives, each as long as the vocabulary


def load_engine(
    path: Path,
    name: str,
    threads: int | None,
    journal: Journal,
    *,
    context_tokens: int | None = None,
    step_tokens: int = 2048,
    sequences: int | None = None,
    unified: bool = True,
    writing_tokens: int = WRITING_TOKENS,
    kv_type: KvType = "f16",
    flash_attention: FlashAttention = "auto",
    adapter: Adapter | None = None,
    gpu_layers: int = -1,
    file_hash: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LlamaEngine:
    """Load a GGUF file and start its engine; raises `ModelError`.

    `threads` None leaves one core for Python where there are more than two. `context_tokens`
    bounds one prompt with its answer (None: 8,192, or what the model was trained for if that is
    less, and on a processor what memory allows), `step_tokens` what a step reads of several
    rows, `sequences` (4 to 256) the rows and label paths held at once. `unified` memory holds a
    context and a step for all of them; split memory holds one for each. Beside unified memory rows
    of at most `writing_tokens` (prompt and answer) are written in a split one, which is opened
    anew when longer ones come (up to `WIDEST_WRITING_TOKENS`); 0 for none.
    `file_hash` is the sha256 that the caller has just made sure of; else the file is read for it.
    """
    sequences = sequences or (SEQUENCES if unified else SPLIT_SEQUENCES)
    if not MIN_SEQUENCES <= sequences <= MAX_SEQUENCES or step_tokens < 1:
        raise ValueError((sequences, step_tokens))
    model = Model(path, gpu_layers=gpu_layers)
    try:
        context = context_tokens or min(model.trained_tokens, DEFAULT_CONTEXT_TOKENS)
        if context_tokens is None and unified and not (gpu_layers and has_gpu()):
            free = free_memory() - model.weight_bytes()  # a mapped file counts as free
            context = choose_context(context, step_tokens, free, model.cell_bytes(kv_type))
        cells = _pad(context + step_tokens) if unified else _pad(context) * sequences
        step = min(step_tokens, context)
        outputs = max(sequences, min(step, MAX_OUTPUTS))
        ubatch = min(step, UBATCH_TOKENS)
        size = ContextSize(step, ubatch, cells, sequences, outputs, unified)
        open_context = partial(
            Model.open_context,
            threads=threads or choose_threads(),
            kv_type=kv_type,
            flash_attention=flash_attention,
            adapter=adapter,
        )
        open_context(model, size)
        groups = Groups(model, name)
    except BaseException:
        model.free()
        raise
    programs = " ".join(f"{name} {version(name)}" for name in ("llama-cpp-python", "llguidance"))
    numerics = f"{programs}, KV cache {kv_type}, flash attention {flash_attention}"
    about = EngineModel(name, file_hash or hash_model(path), context, numerics)
    budget = Budget(step, context, cells, sequences, outputs)
    cell_bytes = model.cell_bytes(kv_type)
    writing = partial(_open_writing, model, open_context, size, cell_bytes)
    widths = choose_widths(writing_tokens, context) if unified else ()
    return LlamaEngine(model, groups, journal, about, budget, Writers(writing, widths), clock=clock)


def _open_writing(
    weights: Model,
    open_context: Callable[[Model, ContextSize], None],
    size: ContextSize,
    cell_bytes: int,
    most: int,
) -> tuple[Model, Budget]:
    """Open a second context in which every written row has `most` cells of its own.

    In one that all share, a processor looks at the cells of all rows for every token of each.
    Raises `ModelError`, also where memory is short: a process that takes too much is killed with
    all its rows.
    """
    own = _pad(most)
    free = free_memory() - weights.weight_bytes()  # a mapped file counts as free
    sequences = choose_writers(free, own * cell_bytes) + WRITERS_PREFIXES
    outputs = max(size.outputs, sequences)
    model = weights.beside()
    cells = own * sequences
    wanted = replace(size, cells=cells, sequences=sequences, outputs=outputs, unified=False)
    try:
        open_context(model, wanted)
    except BaseException:
        model.free()
        raise
    step = size.decode_tokens
    return model, Budget(step, most, own * sequences, sequences, outputs, writers=True)


def choose_context(wished: int, step_tokens: int, free_bytes: int, cell_bytes: int) -> int:
    """Return how long a prompt may be: what is wished, halved while its cells take too much memory.

    A machine that swaps is slower than one that sends its few long rows elsewhere.
    """
    context = wished
    while context > LEAST_CONTEXT_TOKENS and (
        _pad(context + step_tokens) * cell_bytes > CONTEXT_SHARE * free_bytes
    ):
        context = max(context // 2, LEAST_CONTEXT_TOKENS)
    if context < wished:
        _log.warning("memory is short: a context of %d tokens, not %d", context, wished)
    return context


def choose_widths(writing_tokens: int, context_tokens: int) -> tuple[int, ...]:
    """Return how many cells a written row may have of its own: at first, and then twice as many."""
    widths = [min(writing_tokens, context_tokens)] if writing_tokens else []
    while widths and widths[-1] < min(WIDEST_WRITING_TOKENS, context_tokens):
        widths.append(min(2 * widths[-1], WIDEST_WRITING_TOKENS, context_tokens))
    return tuple(widths)


def choose_writers(free_bytes: int, row_bytes: int) -> int:
    """Return how many rows can be written at once, each with its own cells.

    Raises `ModelError` (`writers_without_memory`) where it is not worth a context of its own.
    """
    writers = min(WRITERS, int(WRITERS_SHARE * free_bytes / row_bytes) - WRITERS_PREFIXES)
    if writers < MIN_WRITERS:
        raise ModelError("writers_without_memory", writers=MIN_WRITERS)
    return writers


def _pad(cells: int) -> int:
    return -(-cells // CELL_PADDING) * CELL_PADDING


def choose_threads() -> int:
    """Return all cores of this process, less one for Python where there are more than two.

    ggml's threads spin while they wait; one that shares its core slows all the others.
    """
    cores = count_cores()
    return cores - 1 if cores > 2 else cores
