"""The other side: llama-batched-bench by path and the `Llama` class in a loop."""

import json
import math
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from llama_cpp import Llama

from benchmarks.own import CELL_PADDING, Loading
from benchmarks.prompts import Item, Tokens
from benchmarks.table import Run

READ_TOKENS: Final = 2048  # of one native call, on every side
UBATCH_TOKENS: Final = 512
LONGEST_SECONDS: Final = 3600.0


class PeerError(Exception):
    """A peer did not start, or said something else than numbers."""


def gpu_arguments(loading: Loading) -> list[str]:
    """Return llama.cpp's option for the layers on a GPU; -1 are all of them."""
    return ["-ngl", str(999 if loading.gpu_layers < 0 else loading.gpu_layers)]


class BatchedBench:
    """llama-batched-bench: B prompts of random tokens, read and continued in one batch."""

    def __init__(self, path: Path, loading: Loading) -> None:
        self._path = path
        self._loading = loading
        self._unified: dict[int, bool] = {}  # by batch, which kind of KV cache won

    def measure(self, batch: int, prompt: int, output: int) -> Run:
        """Return one run; its first one for a batch tries both kinds of KV cache, best stays."""
        if batch not in self._unified:
            runs = {kind: self._run(batch, prompt, output, unified=kind) for kind in (True, False)}
            self._unified[batch] = max(runs, key=lambda kind: runs[kind].rate)
            return runs[self._unified[batch]]
        return self._run(batch, prompt, output, unified=self._unified[batch])

    def _run(self, batch: int, prompt: int, output: int, *, unified: bool) -> Run:
        cells = batch * (prompt + output) + batch * CELL_PADDING
        threads = str(self._loading.threads)
        command = [
            str(self._path), "-m", str(self._loading.model), "-c", str(cells),
            "-b", str(READ_TOKENS), "-ub", str(UBATCH_TOKENS), "-t", threads, "-tb", threads,
            "-npp", str(prompt), "-ntg", str(output), "-npl", str(batch),
            "--kv-unified" if unified else "--no-kv-unified",
            "--output-format", "jsonl", *gpu_arguments(self._loading),
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
        )
        if done.returncode != 0:
            raise PeerError(done.stderr[-2000:])
        found = parse_batched_bench(done.stdout)
        if len(found) != 1 or found[0]["pl"] != batch:
            raise PeerError(done.stdout[-2000:])
        return read_batched_bench(found[0])


def parse_batched_bench(output: str) -> list[dict[str, Any]]:
    """Return the result lines of `--output-format jsonl`, whatever stands around them."""
    found = []
    for line in output.splitlines():
        if line.lstrip().startswith("{") and '"speed_tg"' in line:
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise PeerError(line) from error
    return found


def read_batched_bench(line: dict[str, Any]) -> Run:
    """Return a result line as a run of tokens, prompts and answers together (its S t/s)."""
    seconds, speed = float(line["t"]), float(line["speed"])
    facts = {
        "prompt tok/s": float(line["speed_pp"]),
        "generation tok/s": float(line["speed_tg"]),
        "unified KV": float(line.get("kv_unified", math.nan)),
    }
    facts = {name: value for name, value in facts.items() if not math.isnan(value)}
    return Run(speed * seconds, seconds, facts=facts)


class LlamaLoop:
    """The high-level class, one prompt after the other; what two prompts share is read once."""

    def __init__(self, loading: Loading, *, flash: bool) -> None:
        self._llama = Llama(
            str(loading.model),
            n_ctx=loading.context_tokens,
            n_batch=READ_TOKENS,
            n_ubatch=UBATCH_TOKENS,
            n_threads=loading.threads,
            n_threads_batch=loading.threads,
            n_gpu_layers=loading.gpu_layers,
            flash_attn=flash,
            verbose=False,
        )

    def close(self) -> None:
        self._llama.close()

    def choose(self, items: Sequence[Item], firsts: Sequence[int]) -> Run:
        """Read every row and weigh the labels' first tokens; the rate is in rows."""
        begin = time.perf_counter()
        chosen = [self._weigh(item.tokens, firsts) for item in items]
        seconds = time.perf_counter() - begin
        failed = sum(not math.isfinite(best) for best in chosen)
        return Run(len(items), seconds, failed, facts={})

    def write(self, items: Sequence[Item], max_tokens: int) -> Run:
        """Continue every row; the rate is in written tokens, the one that ends included."""
        written = failed = cut = 0
        begin = time.perf_counter()
        for item in items:
            try:
                done: Any = self._llama.create_completion(
                    list(item.tokens), max_tokens=max_tokens, temperature=0.0
                )
            except (RuntimeError, ValueError):
                failed += 1
                continue
            ended = done["choices"][0]["finish_reason"] == "stop"
            cut += not ended
            written += done["usage"]["completion_tokens"] + ended
        seconds = time.perf_counter() - begin
        return Run(written, seconds, failed, cut, {"rows/s": len(items) / seconds})

    def _weigh(self, tokens: Tokens, firsts: Sequence[int]) -> float:
        """Return the best label's probability among the labels."""
        answer = self._llama.generate(list(tokens), temp=0.0)
        next(answer)
        logits = self._llama._ctx.get_logits_ith(-1)
        values = np.array([logits[token] for token in firsts], np.float64)
        answer.close()
        weights = np.exp(values - values.max())
        return float(weights.max() / weights.sum())


@contextmanager
def open_loop(
    loading: Loading, trial: Sequence[Item], firsts: Sequence[int]
) -> Iterator[LlamaLoop]:
    """Yield the loop with flash attention on or off, whichever reads the trial's rows faster."""
    rates = {}
    for flash in (False, True):
        loop = LlamaLoop(loading, flash=flash)
        loop.choose(trial[:1], firsts)
        rates[flash] = loop.choose(trial[1:], firsts).rate
        loop.close()
    loop = LlamaLoop(loading, flash=max(rates, key=lambda flash: rates[flash]))
    try:
        yield loop
    finally:
        loop.close()
