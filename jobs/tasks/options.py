"""The words that a classification is asked with: its options, and its examples as shots.

Examples stand behind the options, in the form of question and answer. What stands last, or most
often, is answered more often (Zhao et al. 2021, arXiv 2102.09690), and in one prompt for all rows
some label is last in any order. Examples stand as the labels do: letting labels take turns was
better on one set that was measured and worse on another. What is left is a calibration's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jobs.spec import ClassifyTask, Label
from jobs.spec.classify import OTHER
from jobs.tasks.languages import speaks_japanese


@dataclass(frozen=True, slots=True)
class Wording:
    """The words around options and rows.

    `one` and `several` are the instructions for one label and for a set; `several_said` that for
    an engine that writes the set. `answer` ends with a space: labels are then read as the
    ordinary words they are inside a sentence. `other` is the option of a row that no label fits.
    """

    one: str
    several: str
    several_said: str
    options: str
    question: str
    answer: str
    answer_said: str
    other: str
    other_meaning: str
    ask: str
    yes: str
    no: str


ENGLISH: Final = Wording(
    one="Choose the one category that fits the message best.",
    several="Say for each category whether it fits the message. Several may fit, or none.",
    several_said="Choose all categories that fit the message. Several may fit, or none.",
    options="Categories:",
    question="Message: ",
    answer="Category: ",
    answer_said="Answer: ",
    other=OTHER,
    other_meaning="none of these",
    ask=": ",
    yes="yes",
    no="no",
)
JAPANESE: Final = Wording(
    one="次の文に最もよく当てはまる分類を１つ選んでください。",
    several="次の文に当てはまるかどうかを分類ごとに答えてください。"
    "いくつ当てはまっても、一つもなくてもかまいません。",
    several_said="次の文に当てはまる分類をすべて選んでください。"
    "いくつ当てはまっても、一つもなくてもかまいません。",
    options="分類の一覧:",
    question="文: ",
    answer="分類: ",
    answer_said="答え: ",
    other="その他",
    other_meaning="どれにも当てはまらない",
    ask=": ",
    yes="はい",
    no="いいえ",
)


@dataclass(frozen=True, slots=True)
class Shot:
    """A text with the labels that fit it; no others do."""

    text: str
    labels: tuple[str, ...]


def choose_words(task: ClassifyTask) -> Wording:
    """Speak the language of the instruction, else of the labels."""
    described = " ".join(f"{label.name} {label.description}" for label in task.labels)
    return JAPANESE if speaks_japanese(task.instruction or described) else ENGLISH


def describe_options(task: ClassifyTask, words: Wording, instruction: str) -> str:
    """Say what to do, and list the options; that of none of them stands last.

    The spec's own instruction takes the place of `instruction`; of a set it stands before it, as
    how a set is answered is still to be said.
    """
    told = [task.instruction] if task.instruction else []
    if task.multi_label or not told:
        told.append(instruction)
    options = list(task.labels)
    if task.other:
        options.append(Label(name=words.other, description=words.other_meaning))
    lines = [*told, "", words.options]
    return "\n".join([*lines, *map(_describe_label, options)])


def list_shots(task: ClassifyTask) -> tuple[Shot, ...]:
    """Return the labels' own examples and those of the task, each once, label by label.

    In a set they stand as they were given: a text has all the labels among whose examples it
    stands, unless it is one of the task's examples, too, which say all.
    """
    own: dict[str, list[str]] = {}
    for label in task.labels:
        for text in label.examples:
            own.setdefault(text, []).append(label.name)
    if not task.multi_label:
        shots = [Shot(text, (name,)) for text, found in own.items() for name in found]
        told = [Shot(example.text, (example.answer,)) for example in task.examples]
        places = {label.name: place for place, label in enumerate(task.labels)}
        whole = dict.fromkeys([*shots, *told])
        return tuple(sorted(whole, key=lambda one: places.get(one.labels[0], len(places))))
    told = [
        Shot(one.text, tuple(label.name for label in task.labels if label.name in one.answer))
        for one in task.examples
    ]
    said = {shot.text for shot in told}
    shots = [Shot(text, tuple(found)) for text, found in own.items() if text not in said]
    return tuple(dict.fromkeys([*shots, *told]))


def join_shots(head: str, shots: Iterable[str]) -> str:
    """Return the system turn: what is asked, then the examples."""
    return "\n\n".join([head, *shots])


def _describe_label(label: Label) -> str:
    return f"- {label.name}: {label.description}" if label.description else f"- {label.name}"
