"""What a machine or its container has, and what an engine makes of it."""

import os
from pathlib import Path

import pytest

from jobs.errors import ModelError
from workers.device import own_cores
from workers.engines import host
from workers.engines.llama.loader import MIN_WRITERS, WRITERS, choose_context, choose_writers
from workers.engines.llama.model import ContextSize, Model

MEBIBYTE = 1 << 20


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GiB free, in no container."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n", encoding="ascii")
    monkeypatch.setattr(host, "MEMINFO", meminfo)
    monkeypatch.setattr(host, "CGROUP", tmp_path)
    return tmp_path


def test_free_memory_is_what_the_system_says(machine: Path) -> None:
    """Without a limit it is MemAvailable."""
    assert host.free_memory() == 8 << 30


def test_a_container_has_no_more_than_its_limit(machine: Path) -> None:
    """What it uses already is taken off; it never gets negative."""
    (machine / "memory.max").write_text(str(2 << 30), encoding="ascii")
    (machine / "memory.current").write_text(str(1 << 30), encoding="ascii")
    assert host.free_memory() == 1 << 30
    assert host.total_memory() <= 2 << 30
    (machine / "memory.current").write_text(str(3 << 30), encoding="ascii")
    assert host.free_memory() == 0


def test_a_container_without_a_limit_is_the_machine(machine: Path) -> None:
    """`max` is no number."""
    (machine / "memory.max").write_text("max\n", encoding="ascii")
    assert host.free_memory() == 8 << 30


def test_where_nothing_is_known_half_is_free(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other systems have no /proc."""
    monkeypatch.setattr(host, "MEMINFO", machine / "nowhere")
    assert host.free_memory() == host.total_memory() // 2


def test_cores_are_those_of_this_process() -> None:
    """Pinned processes count their own."""
    assert host.count_cores() == (len(own_cores()) or os.cpu_count())


@pytest.mark.parametrize(
    ("free_mib", "tokens"),
    [(4096, 8192), (2304, 8192), (2175, 4096), (1152, 4096), (1151, 2048), (0, 2048), (-500, 2048)],
)
def test_the_context_is_shorter_where_memory_is_short(free_mib: int, tokens: int) -> None:
    """Its cells take at most half of what is free beside the weights, down to 2,048 tokens.

    At 128 KiB a cell, those of a context of 8,192 tokens and a step of 512 take 1,088 MiB.
    """
    assert choose_context(8192, 512, free_mib * MEBIBYTE, 128 * 1024) == tokens


def test_a_context_that_is_short_by_itself_stays() -> None:
    """A model that was trained for less than the least is given what it can."""
    assert choose_context(1024, 512, 0, 128 * 1024) == 1024


@pytest.mark.parametrize(
    ("free_mib", "row_mib", "writers"),
    [(8192, 12, WRITERS), (2048, 29, 13), (1392, 29, MIN_WRITERS)],
)
def test_written_rows_take_a_quarter_of_what_is_free(
    free_mib: int, row_mib: int, writers: int
) -> None:
    """As many as fit, up to 32."""
    assert choose_writers(free_mib * MEBIBYTE, row_mib * MEBIBYTE) == writers


@pytest.mark.parametrize("free_mib", [1300, 0, -500])
def test_too_little_memory_means_no_second_context(free_mib: int) -> None:
    """A worker that took it all the same would be killed, and its rows with it."""
    with pytest.raises(ModelError) as caught:
        choose_writers(free_mib * MEBIBYTE, 29 * MEBIBYTE)
    assert caught.value.code == "writers_without_memory"


@pytest.mark.heavy
@pytest.mark.integration
def test_a_cell_is_as_large_as_llama_cpp_makes_it(model_path: Path) -> None:
    """SmolLM2-135M: 30 layers, 3 of 9 heads of 64 values, keys and values, two bytes each."""
    model = Model(model_path, gpu_layers=0)
    model.open_context(ContextSize(64, 64, 256, 4, 4), 1)
    try:
        assert model.cell_bytes("f16") == 2 * 30 * 3 * 64 * 2
        assert 60 * MEBIBYTE < model.weight_bytes() < model_path.stat().st_size
    finally:
        model.free()
