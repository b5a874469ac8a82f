"""The constraint by itself, over a vocabulary of plain bytes."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLTokenizer

from jobs.errors import SpecError
from tests.engines.schemas import SCHEMAS, check
from workers.engines.llama.constraint import Grammar, Grammars

BYTES = LLTokenizer("byte")
END = 261
SIZE = 262


def write(schema: object, seed: int, *, most: int = 400) -> bytes | None:
    """Write an instance against a model of random wishes; None if it does not end."""
    matcher = Grammar(BYTES, json.dumps(schema)).start()
    chance = np.random.default_rng(seed)
    content = b""
    for _ in range(most):
        logits = chance.standard_normal(SIZE).astype(np.float32)
        token = matcher.choose(logits, int(logits.argmax()))
        if token == END:
            return content
        content += matcher.spell(token)
        if matcher.finished:
            return content
    return None


@given(name=st.sampled_from([*SCHEMAS]), seed=st.integers(0, 10_000))
def test_random_wishes_give_valid_json(name: str, seed: int) -> None:
    """Whatever tokens a model likes, what ends is UTF-8, parses, and is valid for the schema."""
    content = write(SCHEMAS[name], seed)
    if content is not None:
        assert b"\\u" not in content
        check(SCHEMAS[name], json.loads(content.decode()))


@pytest.mark.parametrize(
    "schema",
    [
        '{"type":"frog"}',
        '{"type":"string","pattern":"("}',
        '{"type":"string","pattern":"^(?=a)b"}',
        '{"type":"array","uniqueItems":true}',
        '{"type":"integer","minimum":5,"maximum":1}',
        '{"type":"object","if":{}}',
        '{"x-guidance":{"lenient":true},"type":"object","if":{}}',
        '{"$ref":"#/nowhere"}',
        '{"enum":[]}',
        r'{"enum":["a\u0001"]}',
        r'{"properties":{"x":{"const":"\f"}}}',
        r'{"const":"\ud800"}',
        "false",
        "not json",
        '{"a":' * 5000,
    ],
)
def test_schemas_that_cannot_be_kept_are_refused(schema: str) -> None:
    """A schema with a part that is not understood is refused whole, in one short line."""
    with pytest.raises(SpecError) as caught:
        Grammars(lambda: BYTES).compile(schema)
    assert caught.value.code == "schema_unusable"
    problem = str(caught.value.params["problem"])
    assert 0 < len(problem) <= 200
    assert "\n" not in problem


def test_rows_do_not_share_their_state() -> None:
    """Each row has a matcher of its own, at the beginning."""
    grammar = Grammar(BYTES, json.dumps(SCHEMAS["enum"]))
    one, two = grammar.start(), grammar.start()
    logits = np.zeros(SIZE, np.float32)
    for wanted in b'{"kind"':
        assert one.choose(logits, wanted) == wanted
    assert two.choose(logits, ord("}")) == ord("{")


def test_after_its_end_nothing_but_the_end_token_comes() -> None:
    """A whole answer takes no more characters."""
    matcher = Grammar(BYTES, '{"const":1}').start()
    logits = np.zeros(SIZE, np.float32)
    assert matcher.choose(logits, ord("1")) == ord("1")
    assert matcher.finished
    assert matcher.choose(logits, ord("2")) == END


def test_an_open_end_takes_the_end_token() -> None:
    """A number may go on or end; the end token ends it."""
    matcher = Grammar(BYTES, '{"type":"number"}').start()
    logits = np.zeros(SIZE, np.float32)
    assert matcher.choose(logits, ord("4")) == ord("4")
    assert not matcher.finished
    assert matcher.choose(logits, END) == END
    assert matcher.finished


def test_odd_values_can_be_spelt() -> None:
    """Quotes, line ends and Japanese in a list of values are written so that they read back."""
    for value in ('a "b"', "c\nd\t\r", "配送", "\\", "/", "\x85\u2028", "\U0001f38c"):
        content = write({"enum": [value]}, 1)
        assert content is not None
        assert json.loads(content.decode()) == value
