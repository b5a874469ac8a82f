"""The `[task]` table of a classification."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from jobs.spec.section import Section, Words, freeze
from jobs.spec.task_section import TaskSection, refuse_equal


class Label(Section):
    """One option of a classification."""

    name: Words
    description: str = ""
    examples: tuple[Words, ...] = ()


class ClassifyTask(TaskSection):
    """Choose one of `labels` for every row.

    With `calibration` "batch" a label that the model favours in every row counts less
    (`jobs.calibration`).
    """

    kind: Literal["classify"]
    labels: Annotated[tuple[Label, ...], Field(min_length=2, max_length=500)]
    calibration: Literal["none", "batch"] = "none"

    @model_validator(mode="after")
    def _refuse_calibrated_sets(self) -> "ClassifyTask":
        """Labels that are decided one by one have no distribution that could be evened out."""
        if self.calibration == "batch" and getattr(self, "multi_label", False):
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

    @model_validator(mode="after")
    def _refuse_equal_labels(self) -> "ClassifyTask":
        refuse_equal("label", [label.name for label in self.labels])
        return self
