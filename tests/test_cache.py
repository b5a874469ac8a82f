"""Equal prompts: the key that makes them equal, and answers that come back as they were kept."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import cache
from jobs.cache import make_cache_key, pack, unpack
from jobs.prompt import (
    Completion,
    Frame,
    FreeText,
    JsonText,
    LabelChoice,
    LabelSet,
    Prompt,
    Question,
    TokenScore,
    Usage,
)

FRAME = Frame("Choose.", before="Text: ", answer_start="Label: ")
PROMPT = Prompt(1, FRAME, "where is it", LabelChoice(("refund", "delivery")))
SET = LabelSet(("refund", "delivery"), ask=": ", yes="yes", no="no")
WRITTEN = replace(PROMPT, constraint=FreeText(64, stop=("\n\n",)))
FLOATS = st.floats(-1e6, 0)
TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))
COMPLETIONS = st.builds(
    Completion,
    key=st.just(0),
    text=TEXTS,
    scores=st.lists(st.tuples(TEXTS, st.floats(0, 1))).map(tuple),
    unopened=st.lists(st.floats(0, 1)).map(tuple),
    confidence_source=st.sampled_from(["label_probability", "token_logprobs", "none"]),
    usage=st.builds(Usage, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    tokens=st.lists(st.builds(TokenScore, st.integers(0), st.integers(0), FLOATS)).map(tuple),
    finish=st.sampled_from(["choice", "stop", "length", "repeated", None]),
)


def key_of(prompt: Prompt, model_hash: str = "m", numerics: str = "n") -> str | None:
    """The prompt's key at one model."""
    return make_cache_key(prompt, model_hash, numerics)


def test_whose_row_it_is_does_not_matter() -> None:
    """The same question of another row has the same key."""
    assert key_of(PROMPT) == key_of(replace(PROMPT, key=99))


@pytest.mark.parametrize(
    "other",
    [
        replace(PROMPT, text="where is it "),
        replace(PROMPT, frame=replace(FRAME, system="Choose!")),
        replace(PROMPT, frame=replace(FRAME, after=".")),
        replace(PROMPT, constraint=LabelChoice(("delivery", "refund"))),
        replace(PROMPT, constraint=LabelChoice(("refund", "delivery"), complete=True)),
        replace(PROMPT, constraint=SET),
        replace(PROMPT, constraint=replace(SET, ask=" ")),
        replace(PROMPT, constraint=replace(SET, no="not")),
        WRITTEN,
        replace(WRITTEN, constraint=FreeText(65, stop=("\n\n",))),
        replace(WRITTEN, constraint=FreeText(64)),
        replace(PROMPT, constraint=JsonText("{}", 64)),
        replace(PROMPT, text="\ud800"),
    ],
)
def test_whatever_else_is_asked_has_another_key(other: Prompt) -> None:
    """Text, frame and constraint decide, to the last character."""
    assert key_of(other) not in (None, key_of(PROMPT))


def test_who_is_asked_decides_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another file, other numbers, or another version of our own reading find nothing."""
    keys = {key_of(PROMPT), key_of(PROMPT, model_hash="o"), key_of(PROMPT, numerics="o")}
    monkeypatch.setattr(cache, "SCORER_VERSION", cache.SCORER_VERSION + 1)
    assert len(keys | {key_of(PROMPT)}) == 4


def test_what_is_drawn_by_chance_has_no_key() -> None:
    """Above temperature 0 two equal prompts may have different answers."""
    assert key_of(replace(PROMPT, constraint=FreeText(64, temperature=0.1))) is None
    assert key_of(WRITTEN) is not None


@given(COMPLETIONS)
def test_an_answer_comes_back_as_it_was(completion: Completion) -> None:
    """Through JSON, to the last digit of every probability."""
    packed = pack(completion)
    assert packed is not None
    assert unpack(json.loads(json.dumps(packed, allow_nan=False))) == completion


@pytest.mark.parametrize(
    "completion",
    [
        Completion(1, None, error="engine_failed"),
        Completion(1, None),
        Completion(1, "a\0b"),
        Completion(1, "a", tokens=(TokenScore(0, 1, float("-inf")),)),
        Completion(1, "a", scores=(("a", float("nan")),)),
    ],
)
def test_what_is_not_kept(completion: Completion) -> None:
    """No error, and nothing that a database cannot hold."""
    assert pack(completion) is None


def test_an_answer_whose_check_fails_is_kept() -> None:
    """What was cut off would be cut off again; the checks say so again."""
    assert pack(Completion(1, "half an ans", finish="length")) is not None


@pytest.mark.parametrize(
    "change", [{"system": "x"}, {"user": "x"}, {"schema": "{}"}, {"max_tokens": 9}]
)
def test_questions_are_equal_in_all_but_their_row(change: dict[str, object]) -> None:
    """All that a server is told counts; so do its model and how it is asked."""
    question = Question(1, "Sort it.", "where is it", '{"type":"object"}', 64)
    key = make_cache_key(question, "hash", "vllm")
    assert key == make_cache_key(replace(question, key=2), "hash", "vllm")
    assert key != make_cache_key(replace(question, **change), "hash", "vllm")  # type: ignore[arg-type]
    assert key != make_cache_key(question, "other", "vllm")
    assert key != make_cache_key(question, "hash", "llama-server")
