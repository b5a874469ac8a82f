"""Makes the engine a model asks for."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import structlog

from jobs.errors import ModelError, SettingError
from workers.engines.host import count_cores
from workers.engines.llama.gguf import check_gguf, hash_file, hash_model, list_parts
from workers.engines.prepared import Found, find_prepared
from workers.engines.protocol import Engine
from workers.engines.stub import StubEngine
from workers.journal import Journal
from workers.models import ModelFile

log = structlog.get_logger()

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
    """Look at a model's file without loading it, or at its servers' addresses without asking them.

    Raises ModelError when it is missing, no GGUF, or cut off, SettingError for an address that
    rows may not go to.
    """
    if model.section.engine == "openai":
        from workers.engines.openai.access import check_addresses  # noqa: PLC0415 - an HTTP client

        check_addresses(model.section, model.name)
    if model.path is not None:
        for part in list_parts(model.path):
            check_gguf(part)


def load_engine(
    model: ModelFile,
    journal: Journal,
    *,
    gpu_layers: int = 0,
    stop: Event | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> Engine:
    """Load a model with so many layers on the GPU, -1 for all.

    A server that loads its model is waited for, until `stop`; `on_wait` is called once then.

    On the processor its prepared file answers, if there is a good one and the settings let it.
    Raises ModelError when its file is missing, damaged or not the known one, and SettingError
    when there is no GPU for the layers: they would silently run on the CPU.
    """
    section = model.section
    if section.engine == "stub":
        return StubEngine(journal, name=model.name, **section.stub)
    if section.engine == "openai":
        from workers.engines.openai import load_servers  # noqa: PLC0415 - as above

        return load_servers(model.name, section, stop or Event(), on_wait)
    check_model(model)
    if model.path is None:
        raise ModelError("model_missing", path=model.name)
    if gpu_layers:
        return _load_original(model, model.path, section.threads, journal, gpu_layers)
    found = _find_prepared(model)
    threads = section.threads or _measured_threads(found)
    if found.path is not None and found.record is not None and found.record.prepared is not None:
        try:
            return _load(model, found.path, threads, journal, 0, found.record.prepared.sha256)
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
    weights_hash = hash_model(path)
    if model.expected_sha256 not in (None, weights_hash):
        raise ModelError("model_hash_differs", path=str(path), model=model.name)
    return _load(model, path, threads, journal, gpu_layers, weights_hash)


def _name_answerer(model: ModelFile, weights_hash: str) -> str:
    """Return the hash of what answers: the file's, and with an adapter that of both and its scale.

    Raises ModelError when the adapter's file is missing or damaged.
    """
    adapter = model.section.adapter
    if adapter is None:
        return weights_hash
    check_gguf(adapter)
    parts = (weights_hash, hash_file(adapter), repr(model.section.adapter_scale))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _load(
    model: ModelFile,
    path: Path,
    threads: int | None,
    journal: Journal,
    gpu_layers: int,
    weights_hash: str,
) -> Engine:
    from workers.engines.llama import Adapter, has_gpu  # noqa: PLC0415 - native libraries
    from workers.engines.llama import load_engine as load_llama  # noqa: PLC0415 - as above

    section, adapter = model.section, model.section.adapter

    if gpu_layers and not has_gpu():
        raise SettingError("gpu_missing", model=model.name)
    return load_llama(
        path,
        model.name,
        threads,
        journal,
        context_tokens=section.context_tokens,
        step_tokens=GPU_STEP_TOKENS if gpu_layers else STEP_TOKENS,
        sequences=section.sequences,
        # A processor skips what a row does not see; a GPU reads all that is held (llama.cpp 25804).
        unified=section.memory == "unified" or (section.memory == "auto" and not gpu_layers),
        writing_tokens=section.writing_tokens,
        kv_type=section.kv_type,
        flash_attention=section.flash_attention,
        adapter=None if adapter is None else Adapter(adapter, section.adapter_scale),
        gpu_layers=gpu_layers,
        file_hash=_name_answerer(model, weights_hash),
    )
