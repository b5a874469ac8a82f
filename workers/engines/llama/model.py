"""One GGUF file and its context: with `vocabulary` the only module that calls llama.cpp.

llama.cpp answers a broken rule with an assert that ends the process, so every rule is checked
here before the native call. A context belongs to one thread; tokenising is free to all.
"""

import ctypes
import os
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from llama_cpp import llama_cpp as native
from numpy.typing import NDArray

from jobs.errors import ModelError
from workers.engines.llama.gguf import MappedFiles, check_gguf, list_parts
from workers.engines.llama.labels import Tokens
from workers.engines.llama.vocabulary import DecodeError, Vocabulary, stay_silent

MAX_SEQUENCES: Final = 256  # LLAMA_MAX_SEQ
MAX_CELLS: Final = 2**31 - 1
CELL_PADDING: Final = 256  # a context's size is rounded up to it
NO_SLOT: Final = 1

KvType = Literal["f16", "q8_0", "f32"]
KV_TYPES: Final[Mapping[KvType, int]] = {
    "f16": native.GGML_TYPE_F16,
    "q8_0": native.GGML_TYPE_Q8_0,
    "f32": native.GGML_TYPE_F32,
}
KV_BYTES: Final[Mapping[KvType, float]] = {"f16": 2.0, "q8_0": 34 / 32, "f32": 4.0}
FlashAttention = Literal["auto", "on", "off"]
FLASH_ATTENTION: Final[Mapping[FlashAttention, int]] = {
    "auto": native.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": native.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": native.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}


class NoSlotError(Exception):
    """The context has no room for this decode; its memory is as it was before."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens to forward at `position` and after, for all of `sequences` at once.

    The logits after the last `outputs` of them are returned.
    """

    tokens: Tokens
    position: int
    sequences: tuple[int, ...]
    outputs: int = 0


@dataclass(frozen=True, slots=True)
class ContextSize:
    """`decode_tokens` one decode may forward, with logits after `outputs` of them; `cells` tokens
    and `sequences` are held at once.

    With `unified` memory every sequence may use all cells and shares those of its prefix; else
    each has an equal part of its own, and a shared prefix is a copy.
    """

    decode_tokens: int
    ubatch_tokens: int
    cells: int
    sequences: int
    outputs: int
    unified: bool = True

    @property
    def sequence_cells(self) -> int:
        """Cells that one sequence may use."""
        return self.cells if self.unified else self.cells // self.sequences


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA file (Hu et al. 2021, arXiv 2106.09685) and how strongly it is applied."""

    path: Path
    scale: float = 1.0


def has_gpu() -> bool:
    """Say whether llama.cpp was compiled for a GPU and sees one."""
    native.llama_log_set(stay_silent, ctypes.c_void_p(0))
    native.llama_backend_init()
    return bool(native.llama_supports_gpu_offload())


class Model(Vocabulary):
    """Weights and vocabulary of a file; `open_context` makes the memory that decodes need."""

    def __init__(self, path: Path, *, gpu_layers: int = -1) -> None:
        """Raise `ModelError` if the file is damaged or llama.cpp does not take it."""
        check_gguf(path)
        native.llama_log_set(stay_silent, ctypes.c_void_p(0))
        native.llama_backend_init()
        params = native.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        self._context: Any = None
        self._adapter: Any = None
        self._owns_weights = True
        self._files = MappedFiles(list_parts(path))
        self._model: Any = native.llama_model_load_from_file(os.fsencode(path), params)
        if not self._model or not native.llama_model_has_decoder(self._model):
            self.free()
            raise ModelError("model_load_failed", path=path)
        self._path = path
        super().__init__(native.llama_model_get_vocab(self._model))
        self.trained_tokens = int(native.llama_model_n_ctx_train(self._model))

    def beside(self) -> "Model":
        """Return the same weights for a second context; to be freed before this one."""
        other = copy(self)
        other._context = None
        other._owns_weights = False
        return other

    def open_context(
        self,
        size: ContextSize,
        threads: int,
        *,
        kv_type: KvType = "f16",
        flash_attention: FlashAttention = "auto",
        adapter: Adapter | None = None,
    ) -> None:
        """Allocate the memory of `size`.

        Raises `ModelError` (`model_load_failed`, `adapter_load_failed`).
        """
        if not 1 <= size.sequences <= min(MAX_SEQUENCES, size.outputs):
            raise ValueError(size)
        if size.cells > MAX_CELLS:  # C would cut the number, to a context that holds nothing
            raise ModelError("model_load_failed", path=self._path)
        params = native.llama_context_default_params()
        params.n_ctx = size.cells
        params.n_batch = size.decode_tokens
        params.n_ubatch = size.ubatch_tokens
        params.n_seq_max = size.sequences
        params.n_outputs_max = size.outputs
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = size.unified
        params.type_k = params.type_v = KV_TYPES[kv_type]
        params.flash_attn_type = FLASH_ATTENTION[flash_attention]
        params.swa_full = True  # a shared prefix must not slide out of a window
        params.no_perf = True
        self._context = native.llama_init_from_model(self._model, params)
        if not self._context:
            raise ModelError("model_load_failed", path=self._path)
        self._memory: Any = native.llama_get_memory(self._context)
        self.size = ContextSize(
            int(native.llama_n_batch(self._context)),
            int(native.llama_n_ubatch(self._context)),
            int(native.llama_n_ctx(self._context)),
            size.sequences,
            size.outputs,
            size.unified,
        )
        self._lengths = [0] * size.sequences
        if adapter is not None:
            self._apply(adapter)

    def _apply(self, adapter: Adapter) -> None:
        """Let an adapter work on every decode; its memory is the model's, freed with it.

        It is read once: its file may be another one when the next context is opened.
        """
        if not self._adapter:
            check_gguf(adapter.path)
            path = os.fsencode(adapter.path)
            self._adapter = native.llama_adapter_lora_init(self._model, path)
        adapters = (native.llama_adapter_lora_p_ctypes * 1)(self._adapter)
        scales = (ctypes.c_float * 1)(adapter.scale)
        if not self._adapter or native.llama_set_adapters_lora(self._context, adapters, 1, scales):
            raise ModelError("adapter_load_failed", path=adapter.path, model=self._path)

    def cell_bytes(self, kv_type: KvType) -> int:
        """Return how much memory one KV cell takes, of a model whose layers are all alike."""
        heads = native.llama_model_n_head_kv(self._model) / native.llama_model_n_head(self._model)
        values = 2 * native.llama_model_n_layer(self._model) * heads
        return int(values * native.llama_model_n_embd(self._model) * KV_BYTES[kv_type])

    def weight_bytes(self) -> int:
        """Return the size of all weights."""
        return int(native.llama_model_size(self._model))

    def is_untouched(self) -> bool:
        """Tell whether the weights are still those that were loaded: nobody wrote into the file."""
        return self._files.are_untouched()

    def use_threads(self, threads: int) -> None:
        """Let the next decodes run on so many threads."""
        native.llama_set_n_threads(self._context, threads, threads)

    def free(self) -> None:
        """Give memory and weights back; the model is useless afterwards."""
        if self._context:
            native.llama_free(self._context)
        if self._model and self._owns_weights:
            native.llama_model_free(self._model)
        if self._owns_weights:
            self._files.close()
        self._context = self._model = None

    def metadata(self, key: str) -> str | None:
        """Return a text value of the file's header, None if it has none."""
        size = native.llama_model_meta_val_str(self._model, key.encode(), None, 0)
        if size < 0:
            return None
        buffer = ctypes.create_string_buffer(size + 1)
        native.llama_model_meta_val_str(self._model, key.encode(), buffer, size + 1)
        return buffer.value.decode("utf-8", "replace")

    def length(self, sequence: int) -> int:
        """Return how many tokens a sequence holds; the next one stands at this position."""
        return self._lengths[sequence]

    def copy(self, source: int, target: int) -> None:
        """Let an empty sequence share what `source` holds."""
        if self._lengths[target]:
            raise DecodeError
        native.llama_memory_seq_cp(self._memory, source, target, -1, -1)
        self._lengths[target] = self._lengths[source]

    def forget(self, sequence: int) -> None:
        """Empty one sequence; what others share stays."""
        native.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self._lengths[sequence] = 0

    def clear(self) -> None:
        """Empty the whole memory."""
        native.llama_memory_clear(self._memory, False)
        self._lengths = [0] * self.size.sequences

    def decode(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        """Forward `pieces`; returns logits (outputs, vocabulary), valid until the next decode.

        Raises `NoSlotError` if the memory is full and `DecodeError` if anything else is wrong.
        """
        lengths = self._check(pieces)
        batch, keep = _pack(pieces)
        code = native.llama_decode(self._context, batch)
        if code == NO_SLOT:
            raise NoSlotError
        if code != 0:
            raise DecodeError
        native.llama_synchronize(self._context)
        del keep  # the arrays the batch points into, alive until here
        self._lengths = lengths
        outputs = sum(piece.outputs for piece in pieces)
        if not outputs:
            return np.empty((0, self.vocabulary_size), np.float32)
        logits = native.llama_get_logits(self._context)
        if not logits:
            raise DecodeError
        return np.ctypeslib.as_array(logits, (outputs, self.vocabulary_size))

    def _check(self, pieces: Sequence[Piece]) -> list[int]:
        """Return the sequences' lengths after the decode; raise if llama.cpp would assert."""
        lengths = list(self._lengths)
        tokens = 0
        for piece in pieces:
            tokens += len(piece.tokens)
            in_range = all(0 <= number < self.size.sequences for number in piece.sequences)
            if not piece.tokens or not piece.sequences or not in_range:
                raise DecodeError
            if len(piece.sequences) > 1 and not self.size.unified:
                raise DecodeError
            if not 0 <= piece.outputs <= len(piece.tokens):
                raise DecodeError
            for number in piece.sequences:
                if lengths[number] != piece.position:
                    raise DecodeError
                lengths[number] += len(piece.tokens)
            if min(piece.tokens) < 0 or max(piece.tokens) >= self.vocabulary_size:
                raise DecodeError
        outputs = sum(piece.outputs for piece in pieces)
        if (
            not 0 < tokens <= self.size.decode_tokens
            or outputs > self.size.outputs
            or max(lengths) > self.size.sequence_cells
        ):
            raise DecodeError
        return lengths


def _pack(pieces: Sequence[Piece]) -> tuple[Any, tuple[NDArray[Any], ...]]:
    """Return a llama_batch and the arrays it points into."""
    sizes = [len(piece.tokens) for piece in pieces]
    tokens = np.concatenate([np.array(piece.tokens, np.int32) for piece in pieces])
    positions = np.concatenate(
        [np.arange(piece.position, piece.position + len(piece.tokens)) for piece in pieces]
    ).astype(np.int32)
    users = np.repeat(np.array([len(piece.sequences) for piece in pieces], np.int32), sizes)
    sequences = np.array([one for piece in pieces for one in piece.sequences], np.int32)
    begins = np.cumsum([0] + [len(piece.sequences) for piece in pieces[:-1]])
    addresses = (sequences.ctypes.data + 4 * np.repeat(begins, sizes)).astype(np.uintp)
    outputs = np.zeros(len(tokens), np.int8)
    for end, piece in zip(np.cumsum(sizes), pieces, strict=True):
        outputs[end - piece.outputs : end] = 1
    batch = native.llama_batch(
        n_tokens=len(tokens),
        token=_pointer(tokens, native.llama_token),
        pos=_pointer(positions, native.llama_pos),
        n_seq_id=_pointer(users, ctypes.c_int32),
        seq_id=_pointer(addresses, ctypes.POINTER(native.llama_seq_id)),
        logits=_pointer(outputs, ctypes.c_int8),
    )
    return batch, (tokens, positions, users, sequences, addresses, outputs)


def _pointer(array: NDArray[Any], kind: Any) -> Any:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))
