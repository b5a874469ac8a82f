"""The in-process engine with a real model."""

import random
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from jobs.errors import ModelError, SpecError
from jobs.prompt import Completion, Frame, FreeText, LabelChoice, LabelSet, Prompt
from tests.engines.conformance import Tray, ask, make_prompts
from tests.engines.test_gguf import make_gguf
from workers.engines.llama import LlamaEngine, load_engine
from workers.engines.llama.groups import Groups
from workers.engines.llama.model import Model, Piece
from workers.engines.llama.vocabulary import DecodeError
from workers.journal import Journal, read_suspects

pytestmark = pytest.mark.integration

# The shape of a batch moves the arithmetic: by 0.10 for these rows on this Q4_1 file, by 0.001 on
# the same weights as F32 (both measured; the second is what shows that nothing else moves).
TOLERANCE = 0.15
FRAME = Frame("Sort the message of a customer.", before="Message: ", answer_start="Topic:")
TOPICS = LabelChoice((" delivery", " refund", " refund of a card", " greeting"))
CHOICE = LabelChoice((" yes", " no"))  # differ in their first token: nothing to open
TEXTS = (
    "Where is my parcel? It should have come on Monday.",
    "I want my money back.",
    "Hello, good morning!",
    "The gift card was charged twice, please pay it back.",
    "荷物がまだ届きません。いつ届きますか。",
    "返金してください。",
)


def difference(one: Completion, two: Completion) -> float:
    """Return how far the labels that both answers reached lie apart.

    One that only one of them reached lies below a mass that could not win in the other.
    """
    first, second = dict(one.scores), dict(two.scores)
    both = max(abs(first[label] - second[label]) for label in first.keys() & second.keys())
    missed = [
        max(0.0, share - max(other.unopened, default=0.0))
        for found, other in ((first, two), (second, one))
        for label, share in found.items()
        if label not in dict(other.scores)
    ]
    return max([both, *missed])


def same_winner(one: Completion, two: Completion) -> bool:
    """Tell whether two answers name the same label, or two that are nearly as likely."""
    first, second = dict(one.scores), dict(two.scores)
    near = abs(max(first.values()) - max(second.values())) < TOLERANCE
    return one.text == two.text or near


def test_the_numbers_hang_on_both_native_libraries(llama: LlamaEngine) -> None:
    """Another release of either may answer otherwise, so that no kept answer is taken then."""
    for name in ("llama-cpp-python", "llguidance"):
        assert f"{name} {version(name)}" in llama.model.numerics


def test_batched_answers_are_those_of_single_rows(llama: LlamaEngine) -> None:
    """Reading rows together moves probabilities by no more than the arithmetic's noise."""
    prompts = make_prompts(TEXTS, frame=FRAME, choice=TOPICS)
    together = ask(llama, prompts)
    alone = ask(llama, prompts, alone=True)
    shuffled = ask(llama, random.Random(1).sample(prompts, len(prompts)))  # noqa: S311
    for key in together:
        assert difference(together[key], alone[key]) < TOLERANCE
        assert difference(together[key], shuffled[key]) < TOLERANCE


def test_scores_are_those_of_reading_every_label(llama: LlamaEngine, model: Model) -> None:
    """The trie gives what forwarding each branch's path by itself gives."""
    prompt = make_prompts([TEXTS[3]], frame=FRAME, choice=TOPICS)[0]
    group = Groups(model, "smollm2").find(prompt)
    row = group.prefix + model.tokenise(prompt.text, special=False) + group.suffix
    masses = [0.0] * len(group.trie.branches)
    masses[0] = 1.0
    full = {}
    for number, branch in enumerate(group.trie.branches):
        model.clear()
        values = model.decode([Piece(row + branch.path, 0, (0,), outputs=1)])
        weights = np.exp(values[0][list(branch.children)].astype(float))
        targets = group.trie.targets[number]
        for target, share in zip(targets, weights / weights.sum(), strict=True):
            if target < 0:
                full[group.trie.labels[-1 - target]] = masses[number] * float(share)
            else:
                masses[target] = masses[number] * float(share)
    (answer,) = ask(llama, [prompt]).values()
    assert sum(full.values()) == pytest.approx(1.0)
    for label, share in answer.scores:
        assert share == pytest.approx(full[label], abs=TOLERANCE)
    hidden = sum(full[label] for label in full if label not in dict(answer.scores))
    assert sum(answer.unopened) == pytest.approx(hidden, abs=TOLERANCE)
    assert full[str(answer.text)] == pytest.approx(max(full.values()), abs=TOLERANCE)
    assert len(group.trie.branches) > 1


def test_label_that_is_a_prefix_of_another_is_scored(llama: LlamaEngine) -> None:
    """The shorter and the longer label are reached together, and all that is known is 1."""
    reached = 0
    for answer in ask(llama, make_prompts(TEXTS, frame=FRAME, choice=TOPICS)).values():
        shares = dict(answer.scores)
        assert (" refund" in shares) == (" refund of a card" in shares)
        assert sum(shares.values()) + sum(answer.unopened) == pytest.approx(1.0)
        if " refund" in shares:
            reached += 1
            assert 0 < shares[" refund"] < 1
            assert 0 < shares[" refund of a card"] < 1
    assert reached


def test_many_labels_are_opened_in_parts(llama: LlamaEngine) -> None:
    """Of a hundred labels those that can win are read, with the same answer in any batch."""
    words = ("red", "green", "blue", "old", "new", "small", "big", "lost", "found", "sent")
    things = ("letter", "parcel", "bill", "order", "card")
    choice = LabelChoice(
        tuple(f" {word} {thing} {n}" for word in words for thing in things for n in "ab")
    )
    prompts = make_prompts(TEXTS, frame=FRAME, choice=choice)
    together, alone = ask(llama, prompts), ask(llama, prompts, alone=True)
    for key, answer in together.items():
        winner = max(share for _, share in answer.scores)
        assert sum(share for _, share in answer.scores) + sum(answer.unopened) == pytest.approx(1.0)
        assert max(answer.unopened, default=0.0) <= winner
        assert same_winner(answer, alone[key])
        assert 0 < answer.usage.output_tokens < 100


def test_a_label_of_a_set_is_as_probable_as_asked_alone(llama: LlamaEngine) -> None:
    """What is said of one label hangs on no other: as if it were the only question."""
    labels = ("refund", "delivery", "delivery date")
    choice = LabelSet(labels, ask=": ", yes="yes", no="no")
    frame = Frame("Which topics does the message have?", before="Message: ")
    together = ask(llama, make_prompts(TEXTS, frame=frame, choice=choice))
    apart: list[float] = []
    for label in labels:
        asked = Frame(frame.system, before=frame.before, answer_start=f"{label}: ")
        alone = ask(llama, make_prompts(TEXTS, frame=asked, choice=LabelChoice(("yes", "no"))))
        apart += [
            abs(dict(together[key].scores)[label] - dict(answer.scores)["yes"])
            for key, answer in alone.items()
        ]
    assert max(apart) < 0.15  # numbers move with a batch's shape
    assert sum(apart) / len(apart) < 0.04


@pytest.mark.parametrize(("unified", "sequences"), [(True, 4), (False, 8)])
def test_a_set_is_answered_alike_in_little_and_in_split_memory(
    llama: LlamaEngine, model_path: Path, journal: Journal, unified: bool, sequences: int
) -> None:
    """With a place for one path at a time, and where a path is a copy of its row."""
    choice = LabelSet(("refund", "delivery", "delivery date"), ask=": ", yes="yes", no="no")
    prompts = make_prompts(["Money back!", "Where is it?"], frame=FRAME, choice=choice)
    engine = load_engine(
        model_path, "small", 1, journal, context_tokens=256, sequences=sequences, unified=unified
    )
    answers = ask(engine, prompts)
    engine.close()
    for key, answer in ask(llama, prompts).items():
        assert dict(answers[key].scores) == pytest.approx(dict(answer.scores), abs=0.15)


def test_five_hundred_labels_each_have_their_answer(llama: LlamaEngine) -> None:
    """More questions than the context has sequences are opened in several steps."""
    labels = tuple(f"topic {number}" for number in range(500))
    choice = LabelSet(labels, ask="：", yes="はい", no="いいえ")
    answers = ask(llama, make_prompts(["荷物はどこですか。", "a"], frame=Frame(""), choice=choice))
    for answer in answers.values():
        assert answer.error is None
        assert tuple(label for label, _ in answer.scores) == labels


def test_row_text_cannot_leave_its_role(model: Model) -> None:
    """Special tokens written in a row are plain words to the model."""
    special = model.tokenise("<|im_end|>", special=True)
    words = model.tokenise("<|im_end|>\n<|im_start|>system", special=False)
    assert len(special) == 1
    assert special[0] not in words
    assert model.tokenise("<|im_start|>", special=True)[0] not in words


def test_template_ending_is_the_end_token(model: Model) -> None:
    """SmolLM2 ends a turn with <|im_end|>, which is not the token llama.cpp guesses."""
    prompt = make_prompts(["x"], frame=FRAME, choice=TOPICS)[0]
    trie = Groups(model, "smollm2").find(prompt).trie
    end = model.tokenise("<|im_end|>", special=True)[0]
    assert any(end in branch.children for branch in trie.branches)


def test_japanese_labels_and_rows(llama: LlamaEngine) -> None:
    """Japanese frames, labels and texts are answered like any others."""
    frame = Frame("お客様の連絡を分類してください。", before="連絡: ", answer_start="分類: ")
    choice = LabelChoice(("配送", "返金", "返金の遅れ"))
    answers = ask(llama, make_prompts(TEXTS, frame=frame, choice=choice))
    assert {answer.error for answer in answers.values()} == {None}
    assert all(answer.text in choice.labels for answer in answers.values())


@pytest.mark.slow
def test_three_hundred_rows_in_one_submit(llama: LlamaEngine) -> None:
    """More rows than the context has sequences are read in several steps."""
    before = llama.counters()
    answers = ask(
        llama, make_prompts([f"no {n}" for n in range(300)], frame=Frame(""), choice=CHOICE)
    )
    after = llama.counters()
    assert len(answers) == 300
    assert {answer.error for answer in answers.values()} == {None}
    assert 3 <= after.steps - before.steps <= 6


def test_hundred_thousand_characters_fail_alone(llama: LlamaEngine) -> None:
    """A text longer than the context is refused and its neighbours are answered."""
    answers = ask(llama, make_prompts(["fine", "long " * 20_000, "also fine"]))
    assert [answers[key].error for key in range(3)] == [None, "input_too_long", None]


def test_frame_longer_than_the_context_fails_its_rows(llama: LlamaEngine) -> None:
    """A prefix that leaves no room refuses all its rows, and the engine goes on."""
    frame = Frame("rules " * 3000)
    answers = ask(llama, make_prompts(["a", "b"], frame=frame))
    assert {answer.error for answer in answers.values()} == {"input_too_long"}
    assert ask(llama, make_prompts(["c"], first_key=2))[2].error is None


def test_row_that_fills_the_context_to_its_last_token(model_path: Path, journal: Journal) -> None:
    """The longest row that is admitted can be read; one token more is refused."""
    engine = load_engine(model_path, "short", 1, journal, context_tokens=128, sequences=4)
    (usage,) = (
        answer.usage for answer in ask(engine, [Prompt(0, FRAME, "a " * 9, CHOICE)]).values()
    )
    fits = 9 + 128 - usage.prompt_tokens - usage.shared_tokens
    answers = ask(engine, [Prompt(n, FRAME, "a " * n, CHOICE) for n in (fits, fits + 1)])
    engine.close()
    assert answers[fits].usage.prompt_tokens + usage.shared_tokens == 128
    assert [answers[n].error for n in (fits, fits + 1)] == [None, "input_too_long"]


def test_random_text_of_all_planes(llama: LlamaEngine) -> None:
    """Any code point, surrogates and controls included, is only text."""
    chance = random.Random(7)  # noqa: S311
    texts = ["x" + "".join(chr(chance.randrange(0x110000)) for _ in range(8)) for _ in range(20)]
    answers = ask(llama, make_prompts(texts, frame=Frame(""), choice=CHOICE))
    assert {answer.error for answer in answers.values()} == {None}


def test_labels_the_model_cannot_tell_apart_are_refused(llama: LlamaEngine) -> None:
    """Equal labels are an error at submit, and none of the prompts is queued."""
    choice = LabelChoice(("refund", "delivery", "refund"))
    with pytest.raises(SpecError) as caught:
        llama.submit(make_prompts(["x"], choice=choice), Tray(1))
    assert caught.value.code == "labels_tokenise_alike"
    assert llama.stalled_seconds() == 0.0


def test_broken_steps_never_reach_llama_cpp(model: Model) -> None:
    """Every rule whose breach would end the process is an exception before the call."""
    broken = [
        [],
        [Piece((), 0, (0,), outputs=1)],
        [Piece((1,), 0, (), outputs=1)],
        [Piece((1,), 0, (4,), outputs=1)],
        [Piece((1,), 0, (-1,), outputs=1)],
        [Piece((1,), 1, (0,), outputs=1)],
        [Piece((1,), 0, (0,), outputs=1), Piece((1,), 3, (0,), outputs=1)],
        [Piece((model.vocabulary_size,), 0, (0,), outputs=1)],
        [Piece((-1,), 0, (0,), outputs=1)],
        [Piece((1,) * 257, 0, (0,), outputs=1)],
        [Piece((1,), at, (0,), outputs=1) for at in range(5)],
    ]
    for pieces in broken:
        with pytest.raises(DecodeError):
            model.decode(pieces)
    assert model.decode([Piece((1, 2, 3), 0, (0, 1), outputs=1)]).shape[0] == 1


@pytest.mark.parametrize("content", [make_gguf()])
def test_file_llama_cpp_refuses_is_a_model_error(
    tmp_path: Path, journal: Journal, content: bytes
) -> None:
    """A well-formed GGUF that is no language model is refused by name, without noise."""
    path = tmp_path / "odd.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_engine(path, "odd", 1, journal)
    assert caught.value.code == "model_load_failed"


def test_a_context_that_no_machine_holds_is_a_model_error(
    model_path: Path, journal: Journal
) -> None:
    """Its size is not cut to 32 bits, which would leave room for no row."""
    with pytest.raises(ModelError) as caught:
        load_engine(model_path, "vast", 1, journal, context_tokens=2**32)
    assert caught.value.code == "model_load_failed"


def test_journal_is_empty_between_steps(
    model_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """After an answer no row is a suspect, and loading printed nothing."""
    journal = Journal(tmp_path / "journal")
    engine = load_engine(model_path, "quiet", 1, journal, context_tokens=256)
    ask(engine, make_prompts(["a", "b"]))
    assert read_suspects(tmp_path / "journal") == ()
    engine.close()
    journal.close()
    assert capfd.readouterr() == ("", "")


def test_engine_that_closes_itself_from_a_delivery(model_path: Path, journal: Journal) -> None:
    """Closing from the engine's own thread ends it without waiting for itself."""
    engine = load_engine(model_path, "self", 1, journal, context_tokens=256)
    tray = Tray(3)

    def close_at_once(completion: Completion) -> None:
        engine.close()
        tray(completion)

    deliver: Callable[[Completion], None] = close_at_once
    engine.submit(make_prompts(["a", "b", "c"]), deliver, alone=True)
    answers = tray.wait()
    assert [answers[key].error for key in range(3)] == [None, "withdrawn", "withdrawn"]
    engine.close()


def test_process_may_end_while_the_engine_works(model_path: Path, tmp_path: Path) -> None:
    """A program that never closes its engine ends with its own exit code, not with a crash."""
    program = textwrap.dedent(
        """
        import sys, threading
        from pathlib import Path
        from tests.engines.conformance import make_prompts
        from workers.engines.llama import load_engine
        from workers.journal import Journal
        engine = load_engine(Path(sys.argv[1]), "m", 1, Journal(Path(sys.argv[2])), step_tokens=64)
        begun = threading.Event()
        engine.submit(make_prompts(["hello"] * 500), lambda completion: begun.set())
        begun.wait(300)
        sys.exit(7)
        """
    )
    arguments = [sys.executable, "-c", program, str(model_path), str(tmp_path / "journal")]
    done = subprocess.run(arguments, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 7


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("unified", "kv_type"), [(True, "f16"), (False, "f16"), (True, "q8_0"), (True, "f32")]
)
def test_every_kind_of_memory_answers(
    model_path: Path, tmp_path: Path, unified: bool, kv_type: Literal["f16", "q8_0", "f32"]
) -> None:
    """Labels with branches and written rows, in one context or in one for each row."""
    journal = Journal(tmp_path / "journal")
    engine = load_engine(
        model_path,
        "smollm2",
        1,
        journal,
        context_tokens=512,
        step_tokens=128,
        sequences=12,
        unified=unified,
        kv_type=kv_type,
        gpu_layers=0,
    )
    try:
        labels = ask(engine, make_prompts(TEXTS, frame=FRAME, choice=TOPICS))
        assert {answer.error for answer in labels.values()} == {None}
        for answer in labels.values():
            shares = [share for _, share in answer.scores]
            assert sum([*shares, *answer.unopened]) == pytest.approx(1.0)
        texts = ask(engine, make_prompts(TEXTS, choice=FreeText(8)))
        assert {answer.error for answer in texts.values()} == {None}
    finally:
        engine.close()
        journal.close()
