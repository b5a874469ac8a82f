"""Written answers as bytes: spans tile the text, whatever a model writes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion, Frame, FreeText, Prompt
from tests.engines.stage import FORCED, ForcingGrammar
from workers.engines.llama.labels import Tokens
from workers.engines.llama.logits import Scores, summarise
from workers.engines.llama.repetition import CHECK_TOKENS, MIN_TOKENS
from workers.engines.llama.sampling import GREEDY, Sampling
from workers.engines.llama.sequence import Group, Writing
from workers.engines.llama.text import Text, decode
from workers.engines.llama.vocabulary import Vocabulary
from workers.engines.thread import Ticket

END = 0
OTHER_END = 2
SIZE = 16
anything = st.lists(st.binary(max_size=5), max_size=12)
characters = st.text(max_size=20).map(lambda text: text.encode("utf-8", "ignore"))
stops = st.lists(st.text("ab漢", min_size=1, max_size=3).map(str.encode), max_size=3)


class Letters(Vocabulary):
    """Tokens that write one letter; two of them end an answer."""

    def __init__(self) -> None:
        self.vocabulary_size = SIZE

    def is_end(self, token: int) -> bool:
        return token in {END, OTHER_END}

    def token_bytes(self, token: int) -> bytes:
        return b"%x" % token


def make_text(
    max_tokens: int,
    stop: tuple[bytes, ...] = (),
    *,
    sampling: Sampling = GREEDY,
    ignore_end: bool = False,
    forcing: bool = False,
) -> Text:
    prompt = Prompt(1, Frame(""), "x", FreeText(max_tokens))
    grammar = ForcingGrammar() if forcing else None
    writing = Writing(END, max_tokens, stop, grammar, sampling, ignore_end)
    group = Group((), (), writing=writing)
    return Text(Ticket(prompt, ignore, 0, False), group, (7,), vocabulary=Letters())


def ignore(_: Completion) -> None:
    """A delivery nobody waits for."""


def write(row: Text, pieces: list[bytes], *, end: bool = True) -> Completion:
    """Write pieces of any bytes, each with a log-probability of its own."""
    for piece in pieces:
        if row.finish is None:
            row.add(3, piece, ends=False)
            row.logprobs.append(-0.5)
    if end and row.finish is None:
        row.add(END, b"", ends=True)
        row.logprobs.append(-0.25)
    return row.completion()


def wish(*tokens: int) -> Scores:
    """Return the scores of outputs that each want one token."""
    logits = np.zeros((len(tokens), SIZE), np.float32)
    for output, token in enumerate(tokens):
        logits[output, token] = 5.0
    return summarise(logits, len(tokens))


def read(row: Text, *wishes: int) -> Tokens:
    """Read all that is known of a row at once; the model has these wishes behind it."""
    tokens = row.next_tokens(row.unread)
    outputs = row.unscored
    assert outputs == len(wishes)
    row.read += len(tokens)
    row.take(wish(*wishes))
    return tokens


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


def test_a_token_is_read_and_the_next_is_written() -> None:
    """The prompt gives the first token; the last token of an answer is never read."""
    row = make_text(10)
    assert read(row, 5) == (7,)
    assert read(row, 6) == (5,)
    assert read(row, OTHER_END) == (6,)
    assert row.finished
    assert row.unread == 0
    answer = row.completion()
    assert (answer.text, answer.finish, len(answer.tokens)) == ("56", "stop", 3)
    assert answer.tokens[0].logprob == pytest.approx(5 - np.log(np.exp(5) + SIZE - 1))


def test_forced_tokens_go_in_at_once_and_are_scored() -> None:
    """What a grammar forces is read with the token before it; each gets a log-probability."""
    row = make_text(6, forcing=True)
    assert read(row, 9) == (7,)
    assert row.written == [9, *FORCED]
    assert len(row.logprobs) == 1
    assert read(row, 12, 1, 14, 5) == (9, *FORCED)
    assert row.written == [9, *FORCED, 5]
    surprise = [token.logprob for token in make_whole(row).tokens]
    assert surprise[1] == surprise[3] == surprise[0]
    assert surprise[2] == pytest.approx(surprise[0] - 5, abs=1e-3)


def make_whole(row: Text) -> Completion:
    """End an answer that has one token left."""
    read(row, 4)
    assert row.finished
    assert row.finish == "length"
    return row.completion()


def test_an_answer_ends_when_its_last_forced_token_is_scored() -> None:
    """Forced tokens that fill the answer are read but the last, and then it is whole."""
    row = make_text(3, forcing=True)
    read(row, 9)
    ended = [(row.finish, row.finished)]
    assert read(row, 1, 1) == (9, FORCED[0])
    ended.append((row.finish, row.finished))
    assert ended == [("length", False), ("length", True)]
    assert len(row.completion().tokens) == 3


def test_what_is_written_survives_a_lost_place() -> None:
    """The row is read again with its answer so far; nothing is scored twice."""
    row = make_text(20, forcing=True)
    read(row, 5)
    read(row, 9)
    row.restart()
    assert row.unread == 1 + 5
    assert row.next_tokens(2) == (7, 5)
    row.read = 2
    assert read(row, 12, 13, 14, 5) == (9, *FORCED)
    assert len(row.logprobs) == 6
    assert row.written == [5, 9, *FORCED, 5]


def test_an_answer_in_a_circle_ends_and_says_so() -> None:
    """Greedy writing that repeats itself is not written to its full length."""
    row = make_text(500)
    while not row.finished:
        read(row, 5)
    assert row.finish == "repeated"
    assert MIN_TOKENS <= len(row.written) <= MIN_TOKENS + CHECK_TOKENS


def test_nothing_but_the_length_ends_what_ignores_its_end() -> None:
    """For measuring: end tokens write nothing and circles are not looked for."""
    row = make_text(100, ignore_end=True)
    while not row.finished:
        read(row, END)
    answer = row.completion()
    assert (answer.text, answer.finish, len(answer.tokens)) == ("", "length", 100)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_no_numbers_break_the_row(odd: float, temperature: float) -> None:
    """Greedy or drawn: the row has failed, and nothing is raised."""
    row = make_text(5, sampling=Sampling(temperature))
    row.read = 1
    logits = np.zeros((1, SIZE), np.float32)
    logits[0, 4] = odd
    row.take(summarise(logits, 1))
    assert row.finished
    assert row.completion().error == "engine_failed"
