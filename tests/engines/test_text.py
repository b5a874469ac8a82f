"""Written answers as bytes: spans tile the text, whatever a model writes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion, Frame, FreeText, Prompt
from workers.engines.llama.generate import find_logprob
from workers.engines.llama.sequence import Group, Writing
from workers.engines.llama.text import Text, decode
from workers.engines.thread import Ticket

END = 0
anything = st.lists(st.binary(max_size=5), max_size=12)
characters = st.text(max_size=20).map(lambda text: text.encode("utf-8", "ignore"))
stops = st.lists(st.text("ab漢", min_size=1, max_size=3).map(str.encode), max_size=3)


def make_text(max_tokens: int, stop: tuple[bytes, ...] = ()) -> Text:
    prompt = Prompt(1, Frame(""), "x", FreeText(max_tokens))
    writing = Writing(END, max_tokens, stop)
    return Text(Ticket(prompt, ignore, 0, False), Group((), (), writing=writing), (7,))


def ignore(_: Completion) -> None:
    """A delivery nobody waits for."""


def write(row: Text, pieces: list[bytes], *, end: bool = True) -> Completion:
    for piece in pieces:
        if not row.finished:
            row.add(1, piece, -0.5, ends=False)
    if end and not row.finished:
        row.add(END, b"", -0.25, ends=True)
    return row.completion()


@given(pieces=anything)
def test_spans_tile_any_bytes(pieces: list[bytes]) -> None:
    """Every byte of the answer belongs to exactly one token, in order; the answer is UTF-8."""
    answer = write(make_text(100), pieces)
    text = str(answer.text)
    starts = [token.start for token in answer.tokens]
    ends = [token.end for token in answer.tokens]
    assert starts == [0, *ends[:-1]]
    assert ends[-1] == len(text.encode())
    assert ends == sorted(ends)
    assert b"".join(pieces).decode("utf-8", "replace").startswith(text)


@given(content=characters, cuts=st.lists(st.integers(0, 80), max_size=6))
def test_text_that_is_whole_is_kept_byte_by_byte(content: bytes, cuts: list[int]) -> None:
    """Where all bytes are text, each token's span is exactly the bytes it wrote."""
    bounds = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    text, ends = decode(content, bounds[1:])
    assert text.encode() == content
    assert ends == bounds[1:]


@given(content=characters.filter(len))
def test_half_a_character_at_the_end_is_dropped(content: bytes) -> None:
    """A character cut by the end of the answer is not there, in text or spans."""
    whole = content.decode()
    text, ends = decode(content[:-1], [len(content) - 1])
    assert text == whole[:-1]
    assert ends == [len(text.encode())]


@given(pieces=st.lists(st.text("ab漢", max_size=3).map(str.encode), max_size=8), stop=stops)
def test_a_stop_string_ends_the_answer_before_it(pieces: list[bytes], stop: list[bytes]) -> None:
    """The answer is what stands before the first stop string that is complete."""
    answer = write(make_text(100, tuple(stop)), pieces)
    written = b""
    for piece in pieces:
        written += piece
        found = [at for one in stop if (at := written.find(one)) >= 0]
        if found:
            written = written[: min(found)]
            break
    assert str(answer.text).encode() == written
    assert answer.finish == "stop"
    assert answer.tokens[-1].end == len(written)


def test_characters_split_over_tokens_have_their_bytes() -> None:
    """Three tokens of one byte each write one Japanese character."""
    answer = write(make_text(10), [bytes([byte]) for byte in "漢".encode()])
    assert answer.text == "漢"
    assert [(token.start, token.end) for token in answer.tokens] == [(0, 1), (1, 2), (2, 3), (3, 3)]


def test_bytes_that_are_no_text_are_shown() -> None:
    """A byte that belongs to no character becomes U+FFFD, inside its token's span."""
    answer = write(make_text(10), [b"a", b"\xff", b"b"])
    assert answer.text == "a\ufffdb"
    assert [(token.start, token.end) for token in answer.tokens][:3] == [(0, 1), (1, 4), (4, 5)]


def test_max_tokens_is_a_length_and_the_end_token_is_not() -> None:
    """An answer that ends with its last token has ended by itself."""
    assert write(make_text(2), [b"a", b"b", b"c"]).finish == "length"
    assert write(make_text(3), [b"a", b"b"]).finish == "stop"


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_logprob_is_that_of_float64(scale: float) -> None:
    """The quick softmax is the exact one to a millionth."""
    logits = (np.random.default_rng(3).standard_normal(50_000) * scale).astype(np.float32)
    exact = logits.astype(np.float64)
    exact -= exact.max() + np.log(np.exp(exact - exact.max()).sum())
    for token in (0, 77, int(logits.argmax())):
        assert find_logprob(logits, token) == pytest.approx(exact[token], abs=1e-5)
