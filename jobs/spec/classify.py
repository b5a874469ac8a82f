"""The `[task]` table of a classification."""

import unicodedata
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from jobs.spec.section import Section, Words, freeze
from jobs.spec.task_section import Example, TaskSection, refuse_equal

MIN_LABELS: Final = 2
MAX_LABELS: Final = 500
OTHER: Final = "other"
"""The answer of a row that no label fits, where the spec has `other = true`."""
OTHER_NAMES: Final = (OTHER, "その他")
"""What that option is called in the prompt: with it no label may have these names."""


class Label(Section):
    """One option of a classification.

    Its examples are texts that it fits; with `multi_label` it alone, but for the other labels that
    have the same text.
    """

    name: Words
    description: str = ""
    examples: tuple[Words, ...] = ()


class ClassifyTask(TaskSection):
    """Choose one of `labels` for every row, with `multi_label` any number of them.

    With `other` "none of these" is an answer too; among several labels that is the empty list.
    Names are told apart by NFKC, not by case: a code list may have both "a" and "A".
    The answer of an example is a label, or "other"; with `multi_label` a list of labels.
    With `calibration` "batch" a label that the model favours in every row counts less
    (`jobs.calibration`).
    """

    kind: Literal["classify"]
    labels: Annotated[tuple[Label, ...], Field(min_length=MIN_LABELS, max_length=MAX_LABELS)]
    multi_label: bool = False
    other: bool = False
    examples: tuple[Example, ...] = ()
    calibration: Literal["none", "batch"] = "none"

    @model_validator(mode="after")
    def _refuse_calibrated_sets(self) -> "ClassifyTask":
        """Labels that are decided one by one have no distribution that could be evened out."""
        if self.calibration == "batch" and self.multi_label:
            raise ValueError('calibration = "batch" is not used with multi_label; remove it')
        return self

    @model_validator(mode="before")
    @classmethod
    def _name_plain_labels(cls, data: Any) -> Any:
        """Let `labels = ["a", "b"]` stand for tables with only a name."""
        if isinstance(data, dict) and isinstance(data.get("labels"), list | tuple):
            labels = [
                {"name": label} if isinstance(label, str) else label for label in data["labels"]
            ]
            return {**data, "labels": tuple(freeze(label) for label in labels)}
        return data

    @field_validator("labels")
    @classmethod
    def _refuse_equal_names(cls, labels: tuple[Label, ...]) -> tuple[Label, ...]:
        refuse_equal("label", [label.name for label in labels])
        return labels

    @field_validator("other")
    @classmethod
    def _refuse_two_others(cls, other: bool, info: ValidationInfo) -> bool:
        """Refuse `other` where it would have no meaning, or two."""
        if not other:
            return other
        if info.data.get("multi_label"):
            raise ValueError(
                "it is not used with multi_label = true, where a row that no label fits has the "
                "empty list; remove it"
            )
        names = [label.name for label in info.data.get("labels", ())]
        taken = next((name for name in names if _is_other(name)), None)
        if taken is not None:
            raise ValueError(
                f"the label {taken!r} would be this option's name; remove or rename that label, "
                "or leave other out"
            )
        return other

    @field_validator("examples")
    @classmethod
    def _check_examples(
        cls, shown: tuple[Example, ...], info: ValidationInfo
    ) -> tuple[Example, ...]:
        """Every example has a text and an answer of the task's form, and no two disagree."""
        if "labels" not in info.data:
            return shown  # the labels are wrong, which is said
        names = {label.name for label in info.data["labels"]}
        single = names | ({OTHER} if info.data.get("other") else set())
        seen: dict[str, tuple[int, frozenset[str]]] = {}
        for number, example in enumerate(shown, 1):
            if not example.text.strip():
                raise ValueError(f"example {number} has no text")
            if info.data.get("multi_label"):
                answer = _check_several(number, example.answer, names)
            else:
                answer = _check_one(number, example.answer, single)
            first, before = seen.setdefault(example.text.strip(), (number, answer))
            if before != answer:
                raise ValueError(
                    f"examples {first} and {number} have the same text and different answers"
                )
        return shown


def _is_other(name: str) -> bool:
    """Whether a label has the other option's name, in any case and width."""
    return unicodedata.normalize("NFKC", name).strip().casefold() in OTHER_NAMES


def _check_one(number: int, answer: Any, names: set[str]) -> frozenset[str]:
    if not isinstance(answer, str):
        raise ValueError(f"the answer of example {number} should be one label")
    if answer not in names:
        raise ValueError(f"the answer of example {number} is not one of the labels")
    return frozenset({answer})


def _check_several(number: int, answer: Any, names: set[str]) -> frozenset[str]:
    if not isinstance(answer, list | tuple) or not all(isinstance(one, str) for one in answer):
        raise ValueError(f"the answer of example {number} should be a list of labels")
    if not names.issuperset(answer):
        raise ValueError(f"the answer of example {number} names what is not one of the labels")
    if len(set(answer)) < len(answer):
        raise ValueError(f"the answer of example {number} has a label twice")
    return frozenset(answer)
