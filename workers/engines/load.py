"""Makes the engine a model asks for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from jobs.errors import ModelError, SettingError
from workers.engines.llama.gguf import check_gguf
from workers.engines.protocol import Engine
from workers.engines.stub import StubEngine
from workers.journal import Journal
from workers.models import ModelFile

STEP_TOKENS: Final = 512
"""What a step reads on a processor, which computes no more at once: rows are done sooner."""
GPU_STEP_TOKENS: Final = 2048


@contextmanager
def open_counter(model: ModelFile) -> Iterator[Callable[[str], int] | None]:
    """Yield a counter of tokens by the model's own vocabulary, None for a model without a file."""
    if model.path is None:
        yield None
        return
    from workers.engines.llama.counter import open_counter as count  # noqa: PLC0415 - native libraries

    with count(model.path) as counter:
        yield counter


def check_model(model: ModelFile) -> None:
    """Look at a model's file without loading it.

    Raises ModelError when it is missing, no GGUF, or cut off.
    """
    if model.path is not None:
        check_gguf(model.path)


def load_engine(model: ModelFile, journal: Journal, *, gpu_layers: int = 0) -> Engine:
    """Load a model with so many layers on the GPU, -1 for all.

    Raises ModelError when its file is missing, damaged or not the known one, and SettingError
    when there is no GPU for the layers: they would silently run on the CPU.
    """
    section = model.section
    if section.engine == "stub":
        return StubEngine(journal, name=model.name, **section.stub)
    check_model(model)
    if model.path is None:
        raise ModelError("model_missing", path=model.name)
    from workers.engines.llama import has_gpu  # noqa: PLC0415 - native libraries
    from workers.engines.llama import load_engine as load_llama  # noqa: PLC0415 - as above

    if gpu_layers and not has_gpu():
        raise SettingError("gpu_missing", model=model.name)
    engine = load_llama(
        model.path,
        model.name,
        section.threads,
        journal,
        context_tokens=section.context_tokens,
        step_tokens=GPU_STEP_TOKENS if gpu_layers else STEP_TOKENS,
        sequences=section.sequences,
        # A processor skips what a row does not see; a GPU reads all that is held (llama.cpp 25804).
        unified=section.memory == "unified" or (section.memory == "auto" and not gpu_layers),
        kv_type=section.kv_type,
        flash_attention=section.flash_attention,
        gpu_layers=gpu_layers,
    )
    if model.expected_sha256 not in (None, engine.model.file_hash):
        engine.close()
        raise ModelError("model_hash_differs", path=str(model.path), model=model.name)
    return engine
