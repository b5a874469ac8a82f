"""What a model's settings make of its engine, and under which hash it answers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.errors import ModelError
from tests.engines.test_adapter import write_adapter
from workers.engines import load
from workers.engines.llama.gguf import hash_file
from workers.journal import Journal
from workers.models import ModelFile
from workers.settings import ModelSection


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the engine of llama.cpp was asked for, which is not loaded."""
    calls: list[dict[str, Any]] = []

    def pretend(path: Path, *_: object, **more: Any) -> Any:
        calls.append({"path": path, **more})
        return SimpleNamespace(model=SimpleNamespace(file_hash=more["file_hash"]))

    monkeypatch.setattr("workers.engines.llama.load_engine", pretend, raising=False)
    monkeypatch.setattr("workers.engines.llama.has_gpu", lambda: True, raising=False)
    return calls


def ask(tmp_path: Path, *, gpu_layers: int = 0, **section: Any) -> None:
    path = write_adapter(tmp_path / "model.gguf")  # a whole GGUF file is enough here
    journal = Journal(tmp_path / "journal")
    try:
        model = ModelFile("mine", path, ModelSection(prepared="off", **section))
        load.load_engine(model, journal, gpu_layers=gpu_layers)
    finally:
        journal.close()


@pytest.mark.parametrize(
    ("memory", "gpu_layers", "unified"),
    [("auto", 0, True), ("auto", -1, False), ("unified", -1, True), ("split", 0, False)],
)
def test_memory_follows_the_device_unless_it_is_named(
    tmp_path: Path, asked: list[dict[str, Any]], memory: str, gpu_layers: int, unified: bool
) -> None:
    """Processors skip what a row does not see, GPUs do not."""
    ask(tmp_path, gpu_layers=gpu_layers, memory=memory)
    assert asked[0]["unified"] is unified


def test_settings_reach_the_engine(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    """Sequences, the KV cache's type and flash attention."""
    ask(tmp_path, sequences=16, kv_type="q8_0", flash_attention="off")
    assert (asked[0]["sequences"], asked[0]["kv_type"]) == (16, "q8_0")
    assert asked[0]["flash_attention"] == "off"


def test_an_adapter_is_part_of_what_answers(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    """Without one the hash is the file's; another adapter or scale is another answerer."""
    adapter = write_adapter(tmp_path / "adapter.gguf")
    ask(tmp_path)
    ask(tmp_path, adapter=adapter)
    ask(tmp_path, adapter=adapter, adapter_scale=0.5)
    hashes = [call["file_hash"] for call in asked]
    assert hashes[0] == hash_file(tmp_path / "model.gguf")
    assert len(set(hashes)) == 3
    assert asked[2]["adapter"].scale == 0.5


def test_every_part_of_a_model_decides_its_hash(
    tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    """The first part may hold no weights: two models with the same one are not the same."""
    path = write_adapter(tmp_path / "big-00001-of-00002.gguf")
    second = write_adapter(tmp_path / "big-00002-of-00002.gguf", "llama")
    journal = Journal(tmp_path / "journal")
    model = ModelFile("big", path, ModelSection())
    load.load_engine(model, journal)
    write_adapter(second, "qwen2")
    load.load_engine(model, journal)
    second.write_bytes(second.read_bytes()[:-1])
    with pytest.raises(ModelError) as caught:
        load.load_engine(model, journal)
    journal.close()
    assert caught.value.code == "model_truncated"
    assert asked[0]["file_hash"] != asked[1]["file_hash"]


def test_a_missing_adapter_is_named(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    """The model is not loaded without it."""
    with pytest.raises(ModelError) as caught:
        ask(tmp_path, adapter=tmp_path / "nowhere.gguf")
    assert caught.value.code == "model_missing"
    assert asked == []
