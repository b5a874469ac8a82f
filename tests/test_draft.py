"""A drafted spec: what it offers in comments is good where the comment's mark is taken away."""

import re
import tomllib
from pathlib import Path

import pytest

from jobs.draft import KINDS, Guess, Kind, write_draft
from jobs.spec import Spec, parse_spec
from jobs.words import LANGUAGES, Language

GUESS = Guess(text="text", id="id", label="label", labels=("a", "b"), others=("label",))
KEY = re.compile(r"^# ([a-z_]+) = ", re.MULTILINE)
OFFERED: dict[Kind, set[str]] = {
    "classify": {"multi_label", "other", "calibration", "complexity"},
    "extract": {"complexity"},
    "translate": {"target_language_column", "glossary", "complexity"},
    "summarize": {"form", "focus_column", "complexity"},
}
TABLES = {"type", "description", "items", "pattern", "text", "answer", "timezone", "keep"}


def draft(kind: Kind, language: Language = "en") -> str:
    """The draft of a task; the fields of an extraction are filled in."""
    text = write_draft("mine", GUESS, kind, language)
    return text if kind != "extract" else fill(text, until="[[task.examples]]")


def fill(text: str, until: str) -> str:
    """Take the marks away from the lines of the fields, up to the example's table."""
    head, mark, tail = text.partition(f"# {until}")
    filled = re.sub(
        r"^# (?=\[task\.fields|(type|description|items|pattern) = )", "", head, flags=re.M
    )
    return filled + mark + tail


def take(text: str, key: str) -> str:
    """Take the mark away from one key."""
    return re.sub(rf"^# (?={key} = )", "", text, flags=re.MULTILINE)


def read(text: str, folder: Path) -> Spec:
    """Parse a draft beside the files it names."""
    (folder / "terms.csv").write_text("source,target\ncup,カップ\n", encoding="utf-8")
    return parse_spec(text, "mine.toml", folder)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_offered(kind: Kind, language: Language) -> None:
    """The keys of each task stand in its draft, in both languages alike."""
    text = write_draft("mine", GUESS, kind, language)
    assert set(KEY.findall(text)) - TABLES == OFFERED[kind]
    assert "# [[task.examples]]" in text
    tomllib.loads(text)


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind in KINDS for key in OFFERED[kind]])
def test_an_offered_key_is_good(tmp_path: Path, kind: Kind, key: str) -> None:
    """Each of them alone, without anything else to be filled in."""
    spec = read(take(draft(kind), key), tmp_path)
    section = spec.route if key == "complexity" else spec.task
    assert getattr(section, key) not in (None, "", ())
    with_default = read(draft(kind), tmp_path)
    assert spec.hash() != with_default.hash()


@pytest.mark.parametrize("kind", KINDS)
def test_an_offered_example_is_good(tmp_path: Path, kind: Kind) -> None:
    """Its answer has the form that the task wants."""
    text = re.sub(r"^# (?=\[\[task\.examples|(text|answer) = )", "", draft(kind), flags=re.M)
    spec = read(text, tmp_path)
    assert len(getattr(spec.task, "examples", ())) == 1


def test_offered_fields_are_good(tmp_path: Path) -> None:
    """A date, and a list of strings with a pattern."""
    spec = read(draft("extract"), tmp_path)
    fields = spec.canonical()["task"]["fields"]
    assert [field["type"] for field in fields] == ["date", "list"]
    assert fields[1]["pattern"]
