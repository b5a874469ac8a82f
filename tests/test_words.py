"""The catalogues of words: English and Japanese say the same things."""

import re
from string import Formatter

import pytest
from pydantic import BaseModel

from jobs.spec import (
    FieldSpec,
    GateSection,
    InputSection,
    Label,
    PolicySection,
    RouteSection,
    Spec,
)
from jobs.spec.task import TASKS
from jobs.words import LANGUAGES, catalogue, choose_language, say


def parameters(words: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in Formatter().parse(words) if name is not None}


def test_both_languages_hold_the_same_codes_and_parameters() -> None:
    """A code exists in both languages and names the same parameters in each."""
    english, japanese = (catalogue(language) for language in LANGUAGES)
    assert {code: parameters(words) for code, words in english.items()} == {
        code: parameters(words) for code, words in japanese.items()
    }


def test_every_message_is_one_line() -> None:
    """A message fits a line of a log."""
    for language in LANGUAGES:
        assert all("\n" not in words for words in catalogue(language).values())


def test_an_unknown_code_is_shown() -> None:
    """A code without words is shown with its parameters rather than hidden."""
    assert say("no_such_code", "ja", row=3) == "no_such_code row=3"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"SEKISHO_LANG": "ja", "LANG": "en_US.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}, "en"),
    ],
)
def test_the_language_comes_from_the_environment(
    environment: dict[str, str], language: str
) -> None:
    """SEKISHO_LANG wins over the locale, and LC_ALL over LANG."""
    assert choose_language(environment) == language


def test_the_help_of_spec_check_names_every_key() -> None:
    """Sections, the tasks and their keys: README sends its readers there for all of them."""
    sections = (Spec, InputSection, RouteSection, GateSection, PolicySection, FieldSpec, Label)
    models: tuple[type[BaseModel], ...] = (*sections, *TASKS.values())
    keys = {key for model in models for key in model.model_fields}
    for language in LANGUAGES:
        told = say("help_spec_keys", language)
        assert {key for key in keys if not re.search(rf"\b{key}\b", told)} == set()
