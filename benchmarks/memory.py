"""The resident size of a process that loads a file and answers many rows."""

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Final

from benchmarks.machine import memory_bytes
from benchmarks.own import Loading, ask, open_engine
from benchmarks.prompts import Item
from benchmarks.table import Entry, Finding

PARTS: Final = 10  # a sample is taken after each
ALLOWED_BYTES: Final = 300_000_000  # beside the file and the KV cache
FLAT_BYTES: Final = 16_000_000  # growth after the first part that counts as none
MEGABYTE: Final = 1_000_000

Sample = dict[str, int]


def measure_memory(loading: Loading, cache: int, parts: Sequence[Sequence[Item]]) -> list[Entry]:
    """Start a process that works off the parts; `cache` are the bytes of the KV cache."""
    samples = _hold_apart(loading, parts)
    limit = loading.model.stat().st_size + cache + ALLOWED_BYTES
    resident = [sample["VmRSS"] for sample in samples]
    peak = samples[-1]["VmHWM"]
    growth = max(resident[2:]) - resident[1]
    within = "kept" if peak <= limit else "EXCEEDED"
    flat = "flat" if growth <= FLAT_BYTES else "NOT FLAT"
    notes = (
        f"allowed {limit / MEGABYTE:,.0f} MB (file + KV cache + 300 MB): {within}",
        f"{flat}: {growth / MEGABYTE:+,.1f} MB after the first tenth",
    )
    rows = sum(len(part) for part in parts)
    unit = "MB resident"
    return [
        Finding("memory", "after the load", unit, (resident[0] / MEGABYTE,)),
        Finding("memory", f"after {rows} rows", unit, (resident[-1] / MEGABYTE,)),
        Finding("memory", "peak", unit, (peak / MEGABYTE,), notes),
    ]


def kv_bytes(metadata: Mapping[str, str], cells: int) -> int:
    """Return the bytes of a KV cache in 16 bits, from the file's header."""
    name = metadata["general.architecture"]

    def read(key: str, default: int | None = None) -> int:
        found = metadata.get(f"{name}.{key}", default)
        if found is None:
            raise KeyError(key)
        return int(found)

    heads = read("attention.head_count")
    width = read("embedding_length") // heads
    one = read("attention.key_length", width) + read("attention.value_length", width)
    return read("block_count") * cells * read("attention.head_count_kv", heads) * one * 2


def _hold_apart(loading: Loading, parts: Sequence[Sequence[Item]]) -> list[Sample]:
    """Return the sizes of a new process after the load and after each part."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    bare = [[replace(item, tokens=()) for item in part] for part in parts]
    process = context.Process(target=hold_rows, args=(loading, bare, sender))
    process.start()
    sender.close()
    try:
        samples: list[Sample] = receiver.recv()
    finally:
        process.join()
    return samples


def hold_rows(loading: Loading, parts: Sequence[Sequence[Item]], sender: Connection) -> None:
    """Answer the parts one after the other; send the sizes. Runs in the new process."""
    with open_engine(loading) as engine:
        samples = [memory_bytes(os.getpid())]
        for part in parts:
            ask(engine, part)
            samples.append(memory_bytes(os.getpid()))
        sender.send(samples)
