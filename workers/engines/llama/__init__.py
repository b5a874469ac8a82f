"""In-process GGUF models: many rows in one decode on llama.cpp's low-level API.

What is exported is imported on first use: llama_cpp loads native libraries, which a process
that runs no model must not pay for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.engines.llama.engine import LlamaEngine
    from workers.engines.llama.loader import Adapter, has_gpu, load_engine

__all__ = ["Adapter", "LlamaEngine", "has_gpu", "load_engine"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    from workers.engines.llama import loader  # noqa: PLC0415 - the point of this function

    return getattr(loader, name)
