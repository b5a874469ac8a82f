"""LoRA adapters: they change the answers, by their scale, and a wrong one is an error."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.errors import ModelError
from workers.engines.llama.model import Adapter, ContextSize, Model, Piece

pytestmark = pytest.mark.heavy

SIZE = ContextSize(64, 64, 256, 4, 4)
ALIGNMENT = 32


def pack_text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def write_adapter(path: Path, architecture: str = "llama") -> Path:
    """Write a LoRA of rank 2 for the first layer's queries of SmolLM2-135M (576 x 576)."""
    dice = np.random.default_rng(7)
    tensors = {
        "blk.0.attn_q.weight.lora_a": dice.normal(0, 0.3, (2, 576)).astype(np.float32),
        "blk.0.attn_q.weight.lora_b": dice.normal(0, 0.3, (576, 2)).astype(np.float32),
    }
    texts = {
        "general.type": "adapter",
        "general.architecture": architecture,
        "adapter.type": "lora",
    }
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(texts) + 1)
    for key, value in texts.items():
        head += pack_text(key) + struct.pack("<I", 8) + pack_text(value)
    head += pack_text("adapter.lora.alpha") + struct.pack("<If", 6, 2.0)
    data = b""
    for name, values in tensors.items():
        head += pack_text(name) + struct.pack("<IQQIQ", 2, *values.shape[::-1], 0, len(data))
        data += values.tobytes().ljust(-(-values.nbytes // ALIGNMENT) * ALIGNMENT, b"\0")
    head = head.ljust(-(-len(head) // ALIGNMENT) * ALIGNMENT, b"\0")
    path.write_bytes(head + data)
    return path


def read_logits(model_path: Path, adapter: Adapter | None) -> NDArray[np.float32]:
    model = Model(model_path, gpu_layers=0)
    try:
        model.open_context(SIZE, 1, adapter=adapter)
        logits = model.decode([Piece((1, 100, 200, 300), 0, (0,), 1)])
        return np.array(logits[0], np.float32)
    finally:
        model.free()


def test_an_adapter_changes_what_the_model_says(model_path: Path, tmp_path: Path) -> None:
    """At scale 0 the model is as it was; at 1 it is another, the same each time."""
    path = write_adapter(tmp_path / "adapter.gguf")
    plain = read_logits(model_path, None)
    assert np.allclose(read_logits(model_path, Adapter(path, 0.0)), plain, atol=0.2)
    changed = read_logits(model_path, Adapter(path))
    assert np.abs(changed - plain).max() > 0.5
    assert np.array_equal(read_logits(model_path, Adapter(path)), changed)


def test_a_second_context_has_the_adapter_of_the_first(model_path: Path, tmp_path: Path) -> None:
    """Whatever became of its file: the answers of both stand under one hash."""
    path = write_adapter(tmp_path / "adapter.gguf")
    model = Model(model_path, gpu_layers=0)
    model.open_context(SIZE, 1, adapter=Adapter(path))
    path.unlink()
    second = model.beside()
    second.open_context(SIZE, 1, adapter=Adapter(path))
    pieces = [Piece((1, 100, 200, 300), 0, (0,), 1)]
    first, other = (np.array(one.decode(pieces)) for one in (model, second))
    second.free()
    model.free()
    assert np.array_equal(first, other)


def test_a_file_that_is_no_adapter_of_this_model_is_named(model_path: Path, tmp_path: Path) -> None:
    """Another architecture, and a model taken for an adapter."""
    for path in (write_adapter(tmp_path / "other.gguf", "qwen2"), model_path):
        with pytest.raises(ModelError) as caught:
            read_logits(model_path, Adapter(path))
        assert caught.value.code == "adapter_load_failed"
