"""What a model is told about a summary: in Japanese for Japanese summaries, else in English."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from jobs.spec import SummarizeTask
from jobs.spec.summarize import SummaryExample
from jobs.tasks.answers import compact_json
from jobs.tasks.languages import NAMES, speaks_japanese

Tongue = Literal["en", "ja"]


@dataclass(frozen=True, slots=True)
class Wording:
    """The words around a row; `shown` is an example in the form of question and answer."""

    question: str
    focus: str
    answer: str
    shown: SummaryExample
    gap: str
    """What stands between the sentences of prose."""


WORDINGS: Final[dict[Tongue, Wording]] = {
    "en": Wording(
        question="Text: ",
        focus="What matters most: ",
        answer="Summary:\n",
        shown=SummaryExample(
            text="The library is closed from Friday 5 pm to Saturday 10 am. "
            "Books can go into the box.",
            answer=("Closed from Friday 5 pm to Saturday 10 am.", "Books go into the box."),
            focus="when and where",
        ),
        gap=" ",
    ),
    "ja": Wording(
        question="文: ",
        focus="特に大切なこと: ",
        answer="要約:\n",
        shown=SummaryExample(
            text="金曜日は職員会議のため図書館は17時に閉館し、土曜日の10時にまた開きます。"
            "本は入口の箱に返せます。",
            answer=("金曜17時から土曜10時まで閉館。", "本は入口の箱に返却できる。"),
            focus="日時と場所",
        ),
        gap="",
    ),
}


def describe(task: SummarizeTask, tongue: Tongue) -> str:
    """Return what is asked of every row."""
    lines = _say_in_japanese(task) if tongue == "ja" else _say_in_english(task)
    if task.focus and task.focus_column is None:
        lines.append(WORDINGS[tongue].focus + task.focus)
    return "\n".join([*lines, *([task.instruction] if task.instruction else [])])


def describe_row(task: SummarizeTask, tongue: Tongue, text: str, focus: str) -> str:
    """Return a row's own words: its text, and its focus where a column has it."""
    if task.focus_column is None or not focus:
        return text
    return f"{text}\n{WORDINGS[tongue].focus}{focus}"


def begin_answer(task: SummarizeTask, tongue: Tongue) -> str:
    """Return the words that an answer continues."""
    return WORDINGS[tongue].answer + ("- " if task.form == "list" else "")


def show(task: SummarizeTask, tongue: Tongue) -> str:
    """Return examples in the form of questions and answers, for a model that completes."""
    words = WORDINGS[tongue]
    shots = []
    for example in _examples(task, tongue) or (_own_example(task, words),):
        text = describe_row(task, tongue, example.text, example.focus)
        answer = ("\n- " if task.form == "list" else "\n").join(example.points)
        shots.append(f"{words.question}{text}\n{begin_answer(task, tongue)}{answer}")
    return "\n\n".join(shots)


def show_json(task: SummarizeTask, tongue: Tongue) -> str:
    """Return the spec's examples with answers as JSON, for a model that talks."""
    shots = []
    for example in _examples(task, tongue):
        text = describe_row(task, tongue, example.text, example.focus)
        answer = compact_json({"points": list(example.points)})
        shots.append(f"{WORDINGS[tongue].question}{text}\n{answer}")
    return "\n\n".join(shots)


def _examples(task: SummarizeTask, tongue: Tongue) -> Sequence[SummaryExample]:
    """Return the spec's examples in a language; where it is the spec's own, all of them."""
    if task.language != "auto":
        return task.examples
    return [
        example
        for example in task.examples
        if speaks_japanese("\n".join(example.points)) == (tongue == "ja")
    ]


def _own_example(task: SummarizeTask, words: Wording) -> SummaryExample:
    """Return the built-in example, within the limits of the spec."""
    points = words.shown.points[: task.max_sentences]
    answer = points if task.form == "list" else (words.gap.join(points),)
    return words.shown.model_copy(update={"answer": answer})


def _say_in_japanese(task: SummarizeTask) -> list[str]:
    if task.form == "list":
        how = "次の文を要約し、要点を１行に１つずつ書いてください。"
    else:
        how = "次の文を要約し、箇条書きにせず、短い文章で書いてください。"
    lines = [how + "文にないことは書かないでください。"]
    if task.max_sentences is not None:
        lines.append(f"全部で{task.max_sentences}文以内にしてください。")
    if task.max_chars is not None:
        lines.append(f"全部で{task.max_chars}字以内にしてください（全角も半角も１字と数えます）。")
    return lines


def _say_in_english(task: SummarizeTask) -> list[str]:
    language = "the language of the text" if task.language == "auto" else NAMES[task.language][0]
    how = "short points, one a line" if task.form == "list" else "a short text, not a list"
    lines = [
        f"Summarize the text in {language}.",
        f"Write {how}. Write nothing that is not in the text.",
    ]
    if task.max_sentences is not None:
        lines.append(f"Write at most {task.max_sentences} sentences in all.")
    if task.max_chars is not None:
        lines.append(f"Write at most {task.max_chars} characters in all.")
    return lines
