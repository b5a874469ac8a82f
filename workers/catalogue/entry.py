"""What a catalogue says of one model. A fact that no source gives is left out, never guessed."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

GIGABYTE: Final = 1_000_000_000
SPLIT: Final = re.compile(r"(?P<stem>.+)-00001-of-(?P<count>\d{5})\.gguf")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""A model's name is also a file's name."""

Fact = Literal[
    "file",
    "sha256",
    "file_gb",
    "memory_gb",
    "licence",
    "commercial",
    "training_data",
    "languages",
    "context_tokens",
    "thinking",
    "tasks",
]
FACTS: Final[tuple[Fact, ...]] = get_args(Fact)
Task = Literal["classify", "extract", "translate", "summarize"]


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Words = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Address = Annotated[str, StringConstraints(pattern=r"^https://[^\s/]+\.[^\s/]+(/\S*)?$")]
Gigabytes = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
Path = Annotated[str, StringConstraints(pattern=r"^[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*$")]


class Entry(BaseModel):
    """One model; sizes in gigabytes of 10^9 bytes, `sources` by fact.

    `file` is the GGUF in `repository`, the first part where there are several; `package` the
    Python package that brings it instead. `commercial` says whether commercial use is free, has
    `conditions`, or is not allowed; `gated` whether the repository asks for an account.
    `training_data` is open (can be had), described or closed. `tasks` are those its makers or
    their papers recommend it for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    title: Words
    family: Words
    repository: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    file: Path | None = None
    quantisation: Words | None = None
    package: Words | None = None
    sha256: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...],
        BeforeValidator(_as_tuple),
    ] = ()
    file_gb: Gigabytes | None = None
    memory_gb: Gigabytes | None = None
    licence: Words | None = None
    commercial: Literal["free", "conditions", "forbidden"] | None = None
    conditions: Annotated[tuple[Words, ...], BeforeValidator(_as_tuple)] = ()
    gated: bool | None = None
    training_data: Literal["open", "described", "closed"] | None = None
    languages: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")], ...] = ()
    context_tokens: Annotated[int, Field(ge=256, le=100_000_000)] | None = None
    thinking: Literal["no", "yes", "optional"] | None = None
    tasks: tuple[Task, ...] = ()
    note: Words | None = None
    sources: Mapping[Fact, Annotated[tuple[Address, ...], BeforeValidator(_as_tuple)]] = {}

    @model_validator(mode="after")
    def _hold_together(self) -> "Entry":
        """Refuse what contradicts itself."""
        if (self.file is None) != (self.repository is None):
            raise ValueError("repository and file belong together")
        if self.file is not None and not self.file.endswith(".gguf"):
            raise ValueError("file must be a .gguf")
        if self.sha256 and len(self.sha256) != len(self.files):
            raise ValueError("sha256 must have one hash for each part of the file")
        if self.conditions and self.commercial == "free":
            raise ValueError('commercial = "free" has no conditions')
        if self.memory_gb and self.file_gb and self.memory_gb < self.file_gb:
            raise ValueError("memory_gb is less than file_gb")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the repository, all parts in order; empty where none is known."""
        if self.file is None:
            return ()
        split = SPLIT.fullmatch(self.file)
        if split is None:
            return (self.file,)
        count = int(split["count"])
        numbers = range(1, count + 1)
        return tuple(f"{split['stem']}-{number:05}-of-{count:05}.gguf" for number in numbers)

    @property
    def least_gb(self) -> float | None:
        """The memory it takes; where nobody measured that, its file's size, which is less."""
        return self.memory_gb or self.file_gb

    @property
    def needs_consent(self) -> bool:
        """Whether its licence must be accepted by name: all but what is known to be free."""
        return self.commercial != "free" or bool(self.gated)

    def told(self) -> frozenset[Fact]:
        """Return the facts that are not empty."""
        return frozenset(fact for fact in FACTS if self._has(fact))

    def unsourced(self) -> frozenset[Fact]:
        """Return the facts without a source, and the sources without a fact."""
        return self.told() ^ frozenset(self.sources)

    def _has(self, fact: Fact) -> bool:
        if fact == "file":
            return self.file is not None or self.package is not None
        value: object = getattr(self, fact)
        return value is not None and value != ()
