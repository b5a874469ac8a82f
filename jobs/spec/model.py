"""The pydantic models of a spec file; unknown keys are errors.

Keys of parts that are not built yet stand in `NOT_BUILT`: they are refused by name, since a
setting that is silently ignored is worse than one that is missing.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from jobs.source.record import OPTION_FORMATS, find_unused
from jobs.spec.section import Name, Section, Words
from jobs.spec.task import AnyTask
from jobs.spec.zone import DEFAULT_ZONE

Title = Annotated[str, StringConstraints(pattern=r"^\S([^\x00-\x1f]*\S)?$", max_length=64)]

NOT_BUILT: Final = (
    "gate.target",
    "gate.confidence",
    "gate.scope",
    "gate.group",
    "policy.mask_columns",
    "policy.patterns",
    "policy.words",
    "policy.retention_days",
)
"""Known keys of the contract whose part is not built, as dotted paths."""

NOT_BUILT_VALUES: Final[Mapping[str, tuple[object, ...]]] = MappingProxyType(
    {
        "route.mode": ("batch",),
        "gate.mode": ("certified",),
        "policy.data_class": ("mask",),
    }
)
"""Known values whose part is not built, by key."""


def _read_text(value: Any) -> str | tuple[str, ...]:
    """Take one column, or several of which none stands twice."""
    if isinstance(value, str) and value:
        return value
    columns = tuple(value) if isinstance(value, list | tuple) else ()
    if not columns or not all(isinstance(column, str) and column for column in columns):
        raise ValueError("it should be the name of a column, or a list of names")
    if len(set(columns)) < len(columns):
        raise ValueError("a column stands twice")
    return columns


class InputSection(Section):
    """Where a row's id and text stand in the file, and how to read the file.

    Several columns of `text` become one text: a line "name: value" for each that is not empty.
    In JSON a column is a dotted path; `records` is that of the list of records.
    """

    text: Annotated[str | tuple[str, ...], BeforeValidator(_read_text)]
    id: Words | None = None
    keep: tuple[Words, ...] = ()
    format: Literal["csv", "tsv", "json", "jsonl", "parquet", "xlsx"] | None = None
    encoding: Words | None = None
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    header: bool = True
    columns: tuple[Words, ...] = ()
    max_text_chars: Annotated[int, Field(ge=1, le=100_000_000)] = 1_000_000
    records: Words | None = None
    sheet: Words | None = None

    @model_validator(mode="after")
    def _refuse_unused(self) -> "InputSection":
        """Refuse what the format that is named does not use; else the file's format decides."""
        options = {name: getattr(self, name) for name in OPTION_FORMATS}
        option = find_unused(options, self.format) if self.format else None
        if option:
            raise ValueError(f'{option} is not used by format = "{self.format}"; remove it')
        return self


def _exact(value: Any) -> Any:
    """Take a number as the decimal it was written as; a stored spec holds it as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


class RouteSection(Section):
    """The tiers a row may climb: local models, cheap to dear, then the cloud.

    `complexity` is how hard every row is taken to be; None: each by itself (`jobs.complexity`).
    """

    tiers: Annotated[tuple[Name, ...], Field(min_length=1, max_length=8)] = ("smollm2-135m",)
    cloud: Name = "none"
    mode: Literal["auto", "realtime"] = "auto"
    complexity: Annotated[int, Field(ge=0, le=10)] | None = None

    @model_validator(mode="after")
    def _refuse_equal_tiers(self) -> "RouteSection":
        if len(set(self.tiers)) < len(self.tiers):
            raise ValueError("a model stands twice in the route")
        return self


class GateSection(Section):
    """When an answer is kept. `threshold` is the least confidence, used by mode `threshold`."""

    mode: Literal["keep_all", "threshold", "escalate_all"] = "keep_all"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.8


class PolicySection(Section):
    """What may leave, and for how much. `budget_usd` is a hard cap per batch on cloud calls."""

    data_class: Literal["local_only", "open"] = "local_only"
    budget_usd: Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1_000_000)] = Decimal(0)


class Spec(Section):
    """A whole spec file. `timezone` decides which day a row is reported under."""

    name: Title
    task: AnyTask
    input: InputSection
    route: RouteSection = RouteSection()
    gate: GateSection = GateSection()
    policy: PolicySection = PolicySection()
    timezone: Words = DEFAULT_ZONE
    tags: Mapping[str, str] = {}

    def canonical(self) -> dict[str, Any]:
        """Return the spec as plain data with every default filled in."""
        return self.model_dump(mode="json")

    def hash(self) -> str:
        """Return the sha256 of the spec in hex: equal meaning, equal hash.

        Defaults are left out, so that a key a later version adds changes no old spec's hash.
        """
        said = self.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(said, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
