"""A long row is cut until its parts fit, and has one answer of all of them."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.job import Job
from jobs.prompt import Completion, LabelChoice, Prompt, TokenScore, Usage
from jobs.spec import ClassifyTask, Label, SummarizeTask, TranslateTask
from jobs.tasks import Answer, Assembly, Classify, Summarize, Task, Translate
from jobs.tasks.split import MAX_ROUNDS
from tests.tasks.making import make_job

CLASSIFY = Classify(ClassifyTask(kind="classify", labels=(Label(name="a"), Label(name="b"))))
TRANSLATE = Translate(TranslateTask(kind="translate", target_language="en"))
SUMMARIZE = Summarize(SummarizeTask(kind="summarize", max_sentences=2))
SENTENCES = "\n\n".join(f"This is what stands in paragraph {n}. It goes on." for n in range(12))
USAGE = Usage(10, 5, 2, 1.5)
REFUSED = Completion(7, None, error="input_too_long", usage=Usage(1, 0, 0, 0.25))
Say = Callable[[str], str]


class Model:
    """Reads so many characters; answers at once, the last asked first."""

    def __init__(self, most: int, say: Say = lambda text: text, fail_on: str = "\0") -> None:
        self.most, self.say, self.fail_on = most, say, fail_on
        self.asked: list[str] = []
        self.answers = 0

    def complete(self, text: str) -> Completion:
        self.asked.append(text)
        if len(text) > self.most:
            return Completion(7, None, error="input_too_long")
        self.answers += 1
        if self.fail_on in text:
            return Completion(7, None, error="engine_failed", usage=USAGE)
        answer = self.say(text)
        tokens = (TokenScore(0, len(answer.encode()), -0.1 * self.answers),)
        return Completion(
            7,
            answer,
            tokens=tokens,
            finish="stop",
            confidence_source="token_logprobs",
            usage=USAGE,
        )


def work(task: Task, job: Job, model: Model, context_tokens: int = 100_000) -> Answer:
    """Ask until the row has its answer."""
    assembly = Assembly(task, job, REFUSED, context_tokens)
    asks = assembly.begin()
    while asks:
        ask = asks.pop()
        assert isinstance(ask.prompt, Prompt)
        assert ask.prompt.key == job.job_id
        asks += assembly.take(ask.number, model.complete(ask.prompt.text))
    assert not assembly.waits
    return assembly.answer()


@settings(deadline=None)
@given(st.text("ab. \n。", min_size=32, max_size=400).filter(str.strip), st.integers(10, 200))
def test_all_of_the_text_is_asked_about_once(text: str, most: int) -> None:
    """The parts that fit are the text without the blanks between them, in any order of answers."""
    model = Model(most)
    answer = work(Echo(), make_job(text), model)
    if answer.error:
        assert answer.error == "input_too_long"
        assert any(most < len(part) < 32 for part in model.asked)
        return
    assert answer.reading.output is not None
    assert "".join(answer.reading.output["text"].split()) == "".join(text.split())
    parts = answer.reading.signals["parts"]
    assert answer.usage == Usage(1 + 10 * parts, 5 * parts, 2 * parts, 0.25 + 1.5 * parts)


class Echo(Translate):
    """A translation that may be its own text."""

    def __init__(self) -> None:
        super().__init__(TranslateTask(kind="translate", target_language="en"))

    def _check(self, text: str, job: Job) -> str | None:
        return None


def test_the_answer_is_that_of_the_whole() -> None:
    """Parts are joined in order whatever came first; the cost is that of all parts."""
    answer = work(Echo(), make_job(SENTENCES), Model(130))
    assert answer.reading.output == {"text": SENTENCES}
    assert answer.reading.signals["parts"] > 4
    assert (answer.job_id, answer.error) == (7, None)


def test_parts_are_first_cut_to_what_a_context_could_hold() -> None:
    """A text many times too long is not tried in halves of it."""
    model = Model(300)
    work(Echo(), make_job(SENTENCES * 50), model, context_tokens=75)
    assert max(map(len, model.asked)) <= 300


def test_what_cannot_be_cut_is_too_long() -> None:
    """Parts have a least size; below it the row ends as if it could not be split."""
    for text in ("short", SENTENCES):
        answer = work(TRANSLATE, make_job(text), Model(3))
        assert (answer.error, answer.reading.problem) == ("input_too_long", "input_too_long")
        assert answer.reading.output is None
    assert work(TRANSLATE, make_job("short"), Model(3)).usage == REFUSED.usage


def test_a_part_that_fails_fails_the_row() -> None:
    """The row has the part's reason, and the cost of all that was answered."""
    model = Model(130, fail_on="paragraph 7")
    answer = work(TRANSLATE, make_job(SENTENCES), model)
    assert (answer.error, answer.reading.problem) == ("engine_failed", "engine_failed")
    assert answer.usage.prompt_tokens == 1 + 10 * model.answers


def test_a_row_that_is_taken_back_is_taken_back_whole() -> None:
    """After a stop nothing new is asked, and an answer that came anyway is not the row's."""
    assembly = Assembly(TRANSLATE, make_job(SENTENCES), REFUSED, 100_000)
    first, second = assembly.begin()
    assert isinstance(second.prompt, Prompt)
    assembly.stop()
    assert assembly.take(first.number, Completion(7, None, error="input_too_long")) == []
    assert assembly.take(second.number, Model(10_000).complete(second.prompt.text)) == []
    assert not assembly.waits
    assert assembly.answer().error == "withdrawn"


def test_labels_of_parts() -> None:
    """A classification asks every part for all labels: what cannot win in one may win in all."""
    assembly = Assembly(CLASSIFY, make_job(SENTENCES), REFUSED, 100_000)
    scores = ((("a", 0.9), ("b", 0.1)), (("a", 0.8), ("b", 0.2)))
    for ask, given_scores in zip(assembly.begin(), scores, strict=True):
        assert isinstance(ask.prompt, Prompt)
        assert ask.prompt.constraint == LabelChoice(("a", "b"), complete=True)
        assert ask.prompt.frame is CLASSIFY.frame
        completion = Completion(
            7, "a", given_scores, confidence_source="label_probability", usage=USAGE
        )
        assert assembly.take(ask.number, completion) == []
    reading = assembly.answer().reading
    assert (reading.label, reading.signals["parts"]) == ("a", 2)
    assert reading.confidence is not None
    assert 0.8 < reading.confidence < 0.9


def first_sentences(number: int) -> Say:
    """Answer with the first sentences of a text, as points."""
    return lambda text: "\n- ".join(
        sentence.strip().rstrip(".") + "."
        for sentence in text.replace("\n", " ").split(". ")[:number]
    )


def test_summaries_of_parts_are_summarized() -> None:
    """Points beyond the limit are asked about again; the summary is as sure as all answers were."""
    model = Model(300, first_sentences(2))
    answer = work(SUMMARIZE, make_job(SENTENCES), model)
    assert answer.reading.problem is None
    assert answer.reading.again is None
    assert answer.reading.output is not None
    assert len(answer.reading.output["points"]) == 2
    assert answer.reading.signals["rounds"] > 1
    assert answer.usage.prompt_tokens == 1 + 10 * model.answers
    assert answer.reading.confidence == pytest.approx(2.718281828 ** (-0.1 * model.answers))


def test_summaries_that_cannot_be_reduced_say_so() -> None:
    """A model that repeats what it reads is asked only a few times; the check names the limit."""
    model = Model(10_000, first_sentences(99))
    answer = work(SUMMARIZE, make_job(SENTENCES), model)
    assert answer.reading.problem == "too_many_sentences"
    assert answer.reading.output is not None
    rounds = answer.reading.signals.get("rounds", 1)
    assert 1 <= rounds <= MAX_ROUNDS


def test_a_second_round_without_an_answer_keeps_the_first_for_review() -> None:
    """The reason is that of the last question, the suggestion that of the one before."""

    def say(text: str) -> str:
        return first_sentences(2)(text) if "It goes on.\n\n" in text or len(text) > 150 else ""

    answer = work(SUMMARIZE, make_job(SENTENCES), Model(300, say))
    assert answer.reading.problem == "answer_empty"
    assert answer.reading.confidence is None
