"""Measure the engine beside its peers: `python -m benchmarks.engine --model FILE --works ...`.

Every comparison is one run on one file with the same threads and prompts, the sides in turn.
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_file, describe_machine
from benchmarks.own import Loading
from benchmarks.peers import BatchedBench
from benchmarks.prompts import Words
from benchmarks.server import ServerPlace, parse_shapes
from benchmarks.table import Entry, describe, format_table
from benchmarks.works import WORKS, Setup, Sizes
from workers.engines.llama.loader import choose_threads

DEFAULT_CONTEXT_TOKENS = 8192


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.engine", description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="the GGUF file of both sides")
    add("--works", default=",".join(WORKS), help="which, by comma; default all")
    add("--repeats", type=int, default=5, help="measured repetitions of each side")
    add("--json", type=Path, help="write every number to this file")
    add("--threads", type=int, help="of both sides; default as the engine chooses")
    add("--context-tokens", type=int, help="of a row with its answer; default 8192 or less")
    add("--step-tokens", type=int, default=2048)
    add("--sequences", type=int, default=128)
    add("--gpu-layers", type=int, default=-1)
    add("--data", type=Path, default=Path("shared/data"), help="folder of banking77 and texts")
    add("--rows", type=int, help="rows of a work; default its own number")
    add("--batches", default="1,8,32", help="of generate")
    add("--prompt-tokens", type=int, default=128, help="of generate")
    add("--output-tokens", type=int, default=128, help="of generate, free32 and python_share")
    add("--memory-rows", type=int, default=2000)
    peers = parser.add_argument_group("peers; a work without its peer measures our side alone")
    add = peers.add_argument
    add("--batched-bench", type=Path, help="path of llama-batched-bench")
    servers = peers.add_mutually_exclusive_group()
    servers.add_argument("--llama-server", metavar="URL", help="a llama-server that runs")
    servers.add_argument("--llama-server-bin", type=Path, help="one to start, stopped afterwards")
    add("--server-shapes", default="4,8,16,8u,16u", help="slots to try; u: one KV cache for all")
    add("--server-crowds", default="1,2", help="requests at once to try, times the slots")
    add("--llama-loop", action="store_true", help="the Llama class of llama-cpp-python")
    add("--prepared", type=Path, help="a prepared file of the same model")
    return parser.parse_args(words)


def main() -> int:
    """Run the works and print their table."""
    given = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a server we started ends with us
    names = [name.strip() for name in given.works.split(",")]
    unknown = [name for name in names if name not in WORKS]
    if unknown:
        sys.stderr.write(f"no such work: {', '.join(unknown)}; there are {', '.join(WORKS)}\n")
        return 2
    setup = make_setup(given)
    machine, file = describe_machine(), describe_file(given.model)
    entries: list[Entry] = []
    for name in names:
        sys.stderr.write(f"{name} ...\n")
        found = WORKS[name](setup)
        entries += found
        sys.stderr.write(format_table(found) + "\n\n" if found else "")
        if given.json is not None:  # after each work: a long measurement may be cut short
            write_json(given.json, report(given, setup, machine, file, entries))
    setup.words.close()
    head = report(given, setup, machine, file, [])
    head.pop("works")
    print("\n".join(f"{key}: {json.dumps(value)}" for key, value in head.items()))
    print("\n" + format_table(entries))
    return 0


def make_setup(given: argparse.Namespace) -> Setup:
    """Return what the works need, from the command line."""
    words = Words(given.model)
    architecture = words.metadata.get("general.architecture", "")
    trained = int(words.metadata.get(f"{architecture}.context_length", DEFAULT_CONTEXT_TOKENS))
    loading = Loading(
        model=given.model,
        threads=given.threads or choose_threads(),
        context_tokens=given.context_tokens or min(trained, DEFAULT_CONTEXT_TOKENS),
        step_tokens=given.step_tokens,
        sequences=given.sequences,
        gpu_layers=given.gpu_layers,
    )
    sizes = Sizes(
        repeats=given.repeats,
        rows=given.rows,
        batches=tuple(int(part) for part in given.batches.split(",")),
        prompt_tokens=given.prompt_tokens,
        output_tokens=given.output_tokens,
        memory_rows=given.memory_rows,
    )
    server = None
    if given.llama_server or given.llama_server_bin:
        shapes = tuple(parse_shapes(given.server_shapes))
        crowds = tuple(int(part) for part in given.server_crowds.split(","))
        server = ServerPlace(loading, given.llama_server, given.llama_server_bin, shapes, crowds)
    bench = BatchedBench(given.batched_bench, loading) if given.batched_bench else None
    return Setup(loading, words, sizes, server, bench, given.llama_loop, given.prepared, given.data)


def report(
    given: argparse.Namespace,
    setup: Setup,
    machine: dict[str, Any],
    file: dict[str, Any],
    entries: Sequence[Entry],
) -> dict[str, Any]:
    """Return everything that is known about a measurement; no path of this machine."""
    return {
        "machine": machine,
        "model": file,
        "prepared": describe_file(setup.prepared) if setup.prepared else None,
        "threads": setup.loading.threads,
        "context_tokens": setup.loading.context_tokens,
        "step_tokens": setup.loading.step_tokens,
        "sequences": setup.loading.sequences,
        "repeats": given.repeats,
        "works": [describe(entry) for entry in entries],
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a report, readable for people."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
