"""A model's vocabulary: from text to tokens and from tokens to bytes. Free to every thread."""

import ctypes
from typing import Any, Final

from llama_cpp import llama_cpp as native

from workers.engines.llama.labels import Tokens

PIECE_BYTES: Final = 256  # longer tokens are asked for twice


@native.llama_log_callback  # type: ignore[untyped-decorator]
def stay_silent(_level: int, _text: bytes, _data: object) -> None:
    """Drop llama.cpp's own log: it goes to stderr and may quote what it reads."""


class DecodeError(Exception):
    """A native call failed; what its sequences hold is unknown and must be cleared."""


class Vocabulary:
    """The tokens of a file; `vocabulary` is llama.cpp's own pointer to them."""

    def __init__(self, pointer: Any) -> None:
        self.vocabulary: Any = pointer
        self.vocabulary_size = int(native.llama_vocab_n_tokens(pointer))
        self._pieces: dict[int, bytes] = {}
        self._ends: dict[int, bool] = {}

    def tokenise(self, text: str, *, special: bool) -> Tokens:
        """Return the tokens of `text`; without `special`, "<|im_end|>" is six plain words.

        Adds no token of its own. Lone surrogates, which have no bytes, are read as "?".
        """
        content = text.encode("utf-8", "replace")
        capacity = len(content) + 8  # a token is at least a byte; a vocabulary may add a space
        buffer = (native.llama_token * capacity)()
        arguments = (self.vocabulary, content, len(content), buffer, capacity, False, special)
        count = native.llama_tokenize(*arguments)
        if count < 0:
            raise DecodeError
        return tuple(buffer[:count])

    def bos(self) -> int | None:
        """Return the token every prompt begins with, None if this model wants none."""
        if not native.llama_vocab_get_add_bos(self.vocabulary):
            return None
        return int(native.llama_vocab_bos(self.vocabulary))

    def spell(self, token: int) -> str:
        """Return the written form of a special token; empty for an unset one."""
        if not 0 <= token < self.vocabulary_size:
            return ""
        text: bytes = native.llama_vocab_get_text(self.vocabulary, token) or b""
        return text.decode("utf-8", "replace")

    def special_words(self) -> tuple[str, str]:
        """Return how the tokens that begin and end a text are written."""
        bos = native.llama_vocab_bos(self.vocabulary)
        return self.spell(bos), self.spell(native.llama_vocab_eos(self.vocabulary))

    def choose_end(self, candidates: Tokens) -> int:
        """Return the first of `candidates` that ends a turn, else the file's end token."""
        for token in candidates:
            if native.llama_vocab_is_eog(self.vocabulary, token):
                return token
        end = int(native.llama_vocab_eot(self.vocabulary))
        return end if end >= 0 else int(native.llama_vocab_eos(self.vocabulary))

    def is_end(self, token: int) -> bool:
        """Tell whether the vocabulary says that nothing follows this token."""
        if token not in self._ends:
            self._ends[token] = bool(native.llama_vocab_is_eog(self.vocabulary, token))
        return self._ends[token]

    def end_tokens(self) -> Tokens:
        """Return every token that ends an answer."""
        return tuple(token for token in range(self.vocabulary_size) if self.is_end(token))

    def token_bytes(self, token: int) -> bytes:
        """Return what a token writes, maybe a part of a character; nothing for a special one."""
        if token not in self._pieces:
            self._pieces[token] = self._read_piece(token)
        return self._pieces[token]

    def _read_piece(self, token: int) -> bytes:
        size = PIECE_BYTES
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = native.llama_token_to_piece(self.vocabulary, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length
