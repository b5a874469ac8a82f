"""A spec: what to do with an input. A TOML file, checked whole before anything is touched."""

from jobs.spec.classify import ClassifyTask, Label
from jobs.spec.extract import ExtractTask
from jobs.spec.field import FieldSpec, FieldType
from jobs.spec.glossary import Term
from jobs.spec.language import Language, base_language, find_language, name_language
from jobs.spec.model import GateSection, InputSection, PolicySection, RouteSection, Spec
from jobs.spec.read import build_spec, parse_spec, read_spec, restore_spec
from jobs.spec.summarize import SummarizeTask
from jobs.spec.task_section import Example, LanguageCode
from jobs.spec.translate import TranslateExample, TranslateTask

__all__ = [
    "ClassifyTask",
    "Example",
    "ExtractTask",
    "FieldSpec",
    "FieldType",
    "GateSection",
    "InputSection",
    "Label",
    "Language",
    "LanguageCode",
    "PolicySection",
    "RouteSection",
    "Spec",
    "SummarizeTask",
    "Term",
    "TranslateExample",
    "TranslateTask",
    "base_language",
    "build_spec",
    "find_language",
    "name_language",
    "parse_spec",
    "read_spec",
    "restore_spec",
]
