"""Parts of a long row at an engine that only talks."""

import json

from jobs.prompt import Completion, Question, Usage
from jobs.spec import ClassifyTask, ExtractTask, FieldSpec, Label, SummarizeTask, TranslateTask
from jobs.tasks import Assembly, Classify, Extract, Part, Summarize, Task, Translate
from tests.tasks.making import make_job, talk

CLASSIFY = Classify(ClassifyTask(kind="classify", labels=(Label(name="a"), Label(name="b"))))
LONG = "\n\n".join(f"This is what stands in paragraph {n}. It goes on." for n in range(12))
REFUSED = Completion(7, None, error="input_too_long", usage=Usage(1, 0, 0, 0.25))
TASKS: tuple[Task, ...] = (
    CLASSIFY,
    Translate(TranslateTask(kind="translate", target_language="de")),
    Summarize(SummarizeTask(kind="summarize")),
    Extract(ExtractTask(kind="extract", fields=(FieldSpec(name="n", type="integer"),))),
)


def test_every_task_asks_questions_about_parts() -> None:
    """Each part stands in a question of its own, in the words of the whole row's."""
    for task in TASKS:
        asks = Assembly(task, make_job(LONG), REFUSED, 16, "question").begin()
        assert len(asks) > 1
        for ask in asks:
            assert isinstance(ask.prompt, Question)
            assert LONG not in ask.prompt.user
        joined = "".join(ask.prompt.user for ask in asks if isinstance(ask.prompt, Question))
        assert all(f"paragraph {n}." in joined for n in range(12))


def test_an_engine_that_completes_is_asked_as_before() -> None:
    """Prompts, not questions."""
    asks = Assembly(CLASSIFY, make_job(LONG), REFUSED, 16).begin()
    assert not any(isinstance(ask.prompt, Question) for ask in asks)


def test_a_part_is_summarized_in_the_language_of_the_row() -> None:
    """A quotation in another language does not change it."""
    task = Summarize(SummarizeTask(kind="summarize"))
    job = make_job("会議は三月五日に開かれた。" * 5)
    assert task.question_part(job, "An English quotation.").system == task.question(job).system


def test_parts_that_agree_have_one_label_as_sure_as_the_least_sure() -> None:
    """Without probabilities of all labels there is nothing to weigh against each other."""
    parts = [Part("one", 0, talk({"label": "a"})), Part("two", 5, talk({"label": "a"}))]
    reading = CLASSIFY.merge(parts)
    assert (reading.label, reading.problem, reading.confidence) == ("a", None, None)


def test_parts_that_differ_have_the_label_of_most_of_the_text() -> None:
    """How sure that is nobody knows where the parts are not sure of themselves."""
    parts = [Part("one", 0, talk({"label": "a"})), Part("longer", 5, talk({"label": "b"}))]
    reading = CLASSIFY.merge(parts)
    assert (reading.label, reading.problem, reading.confidence) == ("b", None, None)


def test_a_long_row_is_answered_by_parts_that_only_talk() -> None:
    """From the refusal of the whole to one answer."""
    job = make_job(LONG)
    assembly = Assembly(CLASSIFY, job, REFUSED, 16, "question")
    asks = assembly.begin()
    while asks:
        ask = asks.pop()
        text = json.dumps({"label": "b"})
        asks += assembly.take(ask.number, Completion(7, text, asked="question", finish="stop"))
    assert assembly.answer().reading.label == "b"
