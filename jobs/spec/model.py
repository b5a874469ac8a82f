"""The pydantic models of a spec file; unknown keys are errors.

Keys of parts that are not built yet stand in `NOT_BUILT`: they are refused by name, since a
setting that is silently ignored is worse than one that is missing.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
Title = Annotated[str, StringConstraints(pattern=r"^\S([^\x00-\x1f]*\S)?$", max_length=64)]
Words = Annotated[str, StringConstraints(min_length=1)]

NOT_BUILT: Final[Mapping[str, tuple[object, ...]]] = MappingProxyType(
    {
        # dotted key -> the values that need nothing further and are therefore accepted
        "timezone": (),
        "task.multi_label": (False,),
        "task.other": (False,),
        "task.long_input": ("refuse",),
        "task.labels_file": (),
        "input.records": (),
        "route.complexity": (),
        "route.cloud": ("none",),
        "route.mode": ("auto",),
        "gate.target": (),
        "gate.confidence": (),
        "gate.scope": (),
        "gate.group": (),
        "policy.mask_columns": (),
        "policy.patterns": (),
        "policy.words": (),
        "policy.budget_usd": (0,),
        "policy.retention_days": (),
    }
)
"""Known keys of the contract whose part is not built, with the values that mean "without it"."""

NOT_BUILT_VALUES: Final[Mapping[str, tuple[object, ...]]] = MappingProxyType(
    {
        "task.kind": ("extract", "translate", "summarize"),
        "input.format": ("json", "jsonl", "parquet", "xlsx"),
        "gate.mode": ("certified",),
        "policy.data_class": ("mask",),
    }
)
"""Known values whose part is not built, by key."""


class Section(BaseModel):
    """A table of the spec; frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Label(Section):
    """One option of a classification."""

    name: Words
    description: str = ""
    examples: tuple[Words, ...] = ()


class ClassifyTask(Section):
    """Choose one of `labels` for every row."""

    kind: Literal["classify"]
    labels: Annotated[tuple[Label, ...], Field(min_length=2, max_length=500)]
    instruction: str = ""

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
        seen: dict[str, str] = {}
        for label in self.labels:
            plain = unicodedata.normalize("NFKC", label.name).strip()
            if not plain:
                raise ValueError("a label's name is empty")
            if plain in seen:
                raise ValueError(f"the labels {seen[plain]!r} and {label.name!r} are the same")
            seen[plain] = label.name
        return self


class InputSection(Section):
    """Where a row's id and text stand in the file, and how to read the file."""

    text: Words
    id: Words | None = None
    keep: tuple[Words, ...] = ()
    format: Literal["csv", "tsv"] | None = None
    encoding: Words | None = None
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    header: bool = True
    columns: tuple[Words, ...] = ()
    max_text_chars: Annotated[int, Field(ge=1, le=100_000_000)] = 1_000_000


class RouteSection(Section):
    """The tiers a row may climb: local models, cheap to dear, then the cloud."""

    tiers: Annotated[tuple[Name, ...], Field(min_length=1)] = ("smollm2-135m",)


class GateSection(Section):
    """When an answer is kept. `threshold` is the least confidence, used by mode `threshold`."""

    mode: Literal["keep_all", "threshold", "escalate_all"] = "keep_all"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.8


class PolicySection(Section):
    """What may leave. Nothing can yet: the cloud is not built."""

    data_class: Literal["local_only", "open"] = "local_only"


class Spec(Section):
    """A whole spec file."""

    name: Title
    task: ClassifyTask
    input: InputSection
    route: RouteSection = RouteSection()
    gate: GateSection = GateSection()
    policy: PolicySection = PolicySection()
    tags: Mapping[str, str] = {}

    def canonical(self) -> dict[str, Any]:
        """Return the spec as plain data with every default filled in."""
        return self.model_dump(mode="json")

    def hash(self) -> str:
        """Return the sha256 of the canonical spec in hex: equal meaning, equal hash."""
        text = json.dumps(self.canonical(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def freeze(value: Any) -> Any:
    """Turn TOML's lists into tuples, so that frozen models hold frozen data."""
    if isinstance(value, dict):
        return {key: freeze(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return value
