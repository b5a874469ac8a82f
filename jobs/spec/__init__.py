"""A spec: what to do with an input. A TOML file, checked whole before anything is touched."""

from jobs.spec.model import (
    ClassifyTask,
    GateSection,
    InputSection,
    Label,
    PolicySection,
    RouteSection,
    Spec,
)
from jobs.spec.read import parse_spec, read_spec, restore_spec

__all__ = [
    "ClassifyTask",
    "GateSection",
    "InputSection",
    "Label",
    "PolicySection",
    "RouteSection",
    "Spec",
    "parse_spec",
    "read_spec",
    "restore_spec",
]
