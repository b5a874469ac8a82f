"""A spec: what to do with an input. A TOML file, checked whole before anything is touched."""

from jobs.spec.model import GateSection, InputSection, PolicySection, RouteSection, Spec
from jobs.spec.read import build_spec, parse_spec, read_spec, restore_spec
from jobs.spec.task import (
    ClassifyTask,
    ExtractTask,
    FieldSpec,
    FieldType,
    Label,
    LanguageCode,
    SummarizeTask,
    TranslateTask,
)

__all__ = [
    "ClassifyTask",
    "ExtractTask",
    "FieldSpec",
    "FieldType",
    "GateSection",
    "InputSection",
    "Label",
    "LanguageCode",
    "PolicySection",
    "RouteSection",
    "Spec",
    "SummarizeTask",
    "TranslateTask",
    "build_spec",
    "parse_spec",
    "read_spec",
    "restore_spec",
]
