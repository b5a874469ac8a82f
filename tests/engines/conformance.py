"""What every engine must do; run over each of them by test_conformance.py."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs.errors import EngineStopped
from jobs.prompt import Completion, Frame, LabelChoice, Prompt
from workers.engines.protocol import Engine

PATIENCE_SECONDS = 300.0  # a shared machine may be slow; a test that passes never waits so long
FRAME = Frame("Sort the message.", before="Message: ", answer_start="Topic:")
CHOICE = LabelChoice((" delivery", " refund", " refund of a gift card"))


class Tray:
    """Takes deliveries from an engine's thread and waits for as many as are due."""

    def __init__(self, due: int) -> None:
        self.completions: list[Completion] = []
        self._due = due
        self._full = threading.Event()

    def __call__(self, completion: Completion) -> None:
        self.completions.append(completion)
        if len(self.completions) >= self._due:
            self._full.set()

    def wait(self) -> dict[int, Completion]:
        """Return key -> completion once all are there, each exactly once."""
        assert self._full.wait(PATIENCE_SECONDS)
        counts = Counter(completion.key for completion in self.completions)
        assert max(counts.values()) == 1
        return {completion.key: completion for completion in self.completions}


def make_prompts(
    texts: Sequence[str], *, first_key: int = 0, frame: Frame = FRAME, choice: LabelChoice = CHOICE
) -> list[Prompt]:
    return [Prompt(key, frame, text, choice) for key, text in enumerate(texts, first_key)]


def ask(engine: Engine, prompts: Sequence[Prompt], *, alone: bool = False) -> dict[int, Completion]:
    """Submit and wait."""
    tray = Tray(len(prompts))
    engine.submit(prompts, tray, alone=alone)
    return tray.wait()


class Gate(Tray):
    """A tray whose first delivery holds the engine's thread until `open`."""

    def __init__(self, due: int) -> None:
        super().__init__(due)
        self.reached = threading.Event()
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def __call__(self, completion: Completion) -> None:
        super().__call__(completion)
        self.reached.set()
        assert self._opened.wait(PATIENCE_SECONDS)


class EngineConformance:
    """Subclasses give `engine` (shared, never closed here) and `make_engine` (closed by tests)."""

    def test_every_prompt_is_answered_once_with_probabilities(self, engine: Engine) -> None:
        """Each answer names the likeliest label, and the labels' probabilities sum to 1."""
        answers = ask(engine, make_prompts(["Where is it?", "Money back!", "Hello"]))
        assert sorted(answers) == [0, 1, 2]
        for answer in answers.values():
            assert answer.error is None
            assert answer.confidence_source == "label_probability"
            assert tuple(label for label, _ in answer.scores) == CHOICE.labels
            assert sum(share for _, share in answer.scores) == pytest.approx(1.0)
            assert answer.text == max(answer.scores, key=lambda score: score[1])[0]

    def test_usage_is_counted(self, engine: Engine) -> None:
        """Usage names tokens and device time, and the counters grow with it."""
        before = engine.counters()
        (answer,) = ask(engine, make_prompts(["Where is my parcel?"])).values()
        after = engine.counters()
        assert answer.usage.prompt_tokens > 0
        assert answer.usage.shared_tokens > 0
        assert answer.usage.device_ms > 0
        assert after.steps > before.steps
        assert after.rows == before.rows + 1
        assert after.forwarded_tokens >= before.forwarded_tokens + answer.usage.prompt_tokens

    def test_bad_rows_fail_alone(self, engine: Engine) -> None:
        """A text that is empty or too long gets its code and its neighbours an answer."""
        answers = ask(engine, make_prompts(["fine", " \n\t", "word " * 20_000, "", "fine too"]))
        errors = [answers[key].error for key in range(5)]
        assert errors == [None, "no_text", "input_too_long", "no_text", None]
        assert all(answers[key].text is None and not answers[key].scores for key in (1, 2, 3))

    def test_odd_characters_are_only_text(self, engine: Engine) -> None:
        """Lone surrogates, NUL, controls and special tokens never end the process."""
        texts = ["a\ud800b", "a\0b", "\x01\x02\x1b[0m", "<|im_end|><|im_start|>system", "\ufffe"]
        answers = ask(engine, make_prompts(texts))
        assert {answer.error for answer in answers.values()} == {None}

    def test_alone_answers_every_row(self, engine: Engine) -> None:
        """Rows submitted alone take one step each."""
        before = engine.counters().steps
        answers = ask(engine, make_prompts(["one", "two", "three"]), alone=True)
        assert len(answers) == 3
        assert engine.counters().steps == before + 3

    def test_threads_may_submit_at_once(self, engine: Engine) -> None:
        """Submissions from several threads are all answered, each to its own tray."""

        def submit(first_key: int) -> dict[int, Completion]:
            texts = [f"row {number}" for number in range(20)]
            return ask(engine, make_prompts(texts, first_key=first_key))

        with ThreadPoolExecutor(2) as pool:
            one, two = pool.map(submit, (0, 100))
        assert sorted(one) == list(range(20))
        assert sorted(two) == list(range(100, 120))

    def test_idle_engine_has_not_stalled(self, engine: Engine) -> None:
        """With nothing waiting the engine reports no stall."""
        ask(engine, make_prompts(["done"]))
        assert engine.stalled_seconds() == 0.0

    def test_model_is_named(self, engine: Engine) -> None:
        """The engine tells which file answers and how much it reads at once."""
        assert engine.model.name
        assert len(bytes.fromhex(engine.model.file_hash)) == 32
        assert engine.model.context_tokens > 0

    def test_withdrawn_rows_come_back(self, engine: Engine) -> None:
        """Rows that wait behind a running step are handed back when they are withdrawn."""
        gate = Gate(1)
        engine.submit(make_prompts(["holds the thread"]), gate, alone=True)
        assert gate.reached.wait(PATIENCE_SECONDS)
        tray = Tray(4)
        engine.submit(make_prompts(["a", "b", "c", "d"], first_key=10), tray)
        assert engine.stalled_seconds() >= 0.0
        engine.withdraw({11, 13, 999})
        gate.open()
        answers = tray.wait()
        assert [answers[key].error for key in (10, 11, 12, 13)] == [
            None,
            "withdrawn",
            None,
            "withdrawn",
        ]

    def test_a_consumer_that_raises_harms_nobody(self, engine: Engine) -> None:
        """An exception in one delivery leaves the engine and its other rows alone."""

        def explode(_: Completion) -> None:
            raise RuntimeError

        engine.submit(make_prompts(["lost"]), explode)
        assert ask(engine, make_prompts(["kept"], first_key=1))[1].error is None

    def test_close_hands_back_what_is_left(self, make_engine: Callable[[], Engine]) -> None:
        """Closing a busy engine delivers every waiting row as failed, then refuses more."""
        engine = make_engine()
        gate = Gate(1)
        engine.submit(make_prompts(["holds the thread"]), gate, alone=True)
        assert gate.reached.wait(PATIENCE_SECONDS)
        tray = Tray(3)
        engine.submit(make_prompts(["a", "b", "c"], first_key=10), tray)
        closing = threading.Thread(target=engine.close)
        closing.start()
        gate.open()
        closing.join(PATIENCE_SECONDS)
        answers = tray.wait()
        assert {answer.key for answer in answers.values()} == {10, 11, 12}
        assert {answer.error for answer in answers.values()} <= {None, "withdrawn"}
        with pytest.raises(EngineStopped):
            engine.submit(make_prompts(["late"]), tray)
        engine.close()
