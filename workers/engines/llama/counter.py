"""Counts tokens with a file's vocabulary alone: its weights are not loaded."""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llama_cpp import llama_cpp as native

from jobs.errors import ModelError
from workers.engines.llama.gguf import check_gguf
from workers.engines.llama.vocabulary import Vocabulary, stay_silent


@contextmanager
def open_counter(path: Path) -> Iterator[Callable[[str], int]]:
    """Yield a function from a text to its number of tokens; raises ModelError."""
    check_gguf(path)
    native.llama_log_set(stay_silent, ctypes.c_void_p(0))
    native.llama_backend_init()
    params = native.llama_model_default_params()
    params.vocab_only = True
    model = native.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        raise ModelError("model_load_failed", path=path)
    vocabulary = Vocabulary(native.llama_model_get_vocab(model))
    try:
        yield lambda text: len(vocabulary.tokenise(text, special=False))
    finally:
        native.llama_model_free(model)
