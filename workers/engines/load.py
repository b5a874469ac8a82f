"""Makes the engine a model asks for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from jobs.errors import ModelError, SettingError
from workers.engines.llama.gguf import check_gguf
from workers.engines.prepared import Found, count_cores, find_prepared
from workers.engines.protocol import Engine
from workers.engines.stub import StubEngine
from workers.journal import Journal
from workers.models import ModelFile

log = structlog.get_logger()

STEP_TOKENS: Final = 512
"""What a step reads on a processor, which computes no more at once: rows are done sooner."""


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

    On the processor its prepared file answers, if there is a good one and the settings let it.
    Raises ModelError when its file is missing, damaged or not the known one, and SettingError
    when there is no GPU for the layers: they would silently run on the CPU.
    """
    section = model.section
    if section.engine == "stub":
        return StubEngine(journal, name=model.name, **section.stub)
    check_model(model)
    if model.path is None:
        raise ModelError("model_missing", path=model.name)
    if gpu_layers:
        return _load_original(model, model.path, section.threads, journal, gpu_layers)
    found = _find_prepared(model)
    threads = section.threads or _measured_threads(found)
    if found.path is not None and found.record is not None and found.record.prepared is not None:
        try:
            file_hash = found.record.prepared.sha256
            return _load(model, found.path, threads, journal, 0, file_hash)
        except ModelError as error:  # most likely there is less memory than there was
            log.warning("prepared_not_used", model=model.name, reason=error.code)
    return _load_original(model, model.path, threads, journal, 0)


def _find_prepared(model: ModelFile) -> Found:
    if model.section.prepared == "off":
        return Found()
    found = find_prepared(model)
    if found.problem not in (None, "prepared_none"):
        log.warning("prepared_not_used", model=model.name, reason=found.problem)
    return found


def _measured_threads(found: Found) -> int | None:
    """Return the threads that were fastest, if this process has the cores they were measured on."""
    record = found.record
    return record.threads if record and record.cores == count_cores() else None


def _load_original(
    model: ModelFile, path: Path, threads: int | None, journal: Journal, gpu_layers: int
) -> Engine:
    engine = _load(model, path, threads, journal, gpu_layers, None)
    if model.expected_sha256 not in (None, engine.model.file_hash):
        engine.close()
        raise ModelError("model_hash_differs", path=str(path), model=model.name)
    return engine


def _load(
    model: ModelFile,
    path: Path,
    threads: int | None,
    journal: Journal,
    gpu_layers: int,
    file_hash: str | None,
) -> Engine:
    from workers.engines.llama import has_gpu  # noqa: PLC0415 - native libraries
    from workers.engines.llama import load_engine as load_llama  # noqa: PLC0415 - as above

    if gpu_layers and not has_gpu():
        raise SettingError("gpu_missing", model=model.name)
    return load_llama(
        path,
        model.name,
        threads,
        journal,
        context_tokens=model.section.context_tokens,
        step_tokens=STEP_TOKENS,
        gpu_layers=gpu_layers,
        file_hash=file_hash,
    )
