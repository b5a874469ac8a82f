"""Writes a GGUF file's weights in another format, by llama.cpp's own quantiser."""

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from llama_cpp import llama_cpp as native

from workers.engines.llama.vocabulary import stay_silent

FILE_TYPES: Final[Mapping[str, int]] = {
    "f32": native.LLAMA_FTYPE_ALL_F32,
    "bf16": native.LLAMA_FTYPE_MOSTLY_BF16,
    "f16": native.LLAMA_FTYPE_MOSTLY_F16,
    "q8_0": native.LLAMA_FTYPE_MOSTLY_Q8_0,
    "q5_0": native.LLAMA_FTYPE_MOSTLY_Q5_0,
    "q4_0": native.LLAMA_FTYPE_MOSTLY_Q4_0,
}


def describe_build() -> str:
    """Return what llama.cpp was compiled to use, e.g. "CPU : AVX2 = 1 | AVX512_BF16 = 1"."""
    native.llama_log_set(stay_silent, ctypes.c_void_p(0))
    native.llama_backend_init()
    return bytes(native.llama_print_system_info()).decode("utf-8", "replace").strip(" |")


def quantize(source: Path, target: Path, form: str, *, threads: int) -> bool:
    """Write `source` as `target` with its matrices in `form`; say whether that went well.

    What is half written after a failure is the caller's to remove.
    """
    native.llama_log_set(stay_silent, ctypes.c_void_p(0))
    native.llama_backend_init()
    params = native.llama_model_quantize_default_params()
    params.ftype = FILE_TYPES[form]
    params.nthread = threads
    params.allow_requantize = True  # from a quantised file, too
    pointer = ctypes.byref(params)
    return bool(native.llama_model_quantize(os.fsencode(source), os.fsencode(target), pointer) == 0)
