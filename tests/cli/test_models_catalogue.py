"""The catalogue by the command line: listed, filtered, shown with its sources, kept by users."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call

MINE = """[models.house]
title = "House model"
family = "House"
memory_gb = 3
licence = "own"
commercial = "conditions"
conditions = ["ask the legal department"]
languages = ["ja"]
tasks = ["extract"]
"""


def names_of(called: Any) -> set[str]:
    """The names of the catalogue's models that were listed."""
    return {one["name"] for one in called.data["catalogue"]}


def test_the_installed_ones_stay_what_they_were(call: Call) -> None:
    """Without an option of the catalogue only the models that are here are told."""
    assert set(call("models", "list", "--json").data) == {"models"}
    assert "qwen25-7b" not in call("models", "list").out


def test_the_catalogue_is_listed(call: Call) -> None:
    """All of it with --catalogue; what is here is marked."""
    called = call("models", "list", "--catalogue", "--json")
    told = {one["name"]: one for one in called.data["catalogue"]}
    assert told["qwen25-7b"]["licence"] == "apache-2.0"
    assert told["qwen25-7b"]["sources"]["licence"][0].startswith("https://")
    assert (told["qwen25-7b"]["installed"], told["qwen25-7b"]["memory_gb"]) == (False, None)
    lines = call("models", "list", "--all").out.splitlines()
    (line,) = [line for line in lines if line.startswith("qwen25-7b")]
    assert ">4.68 GB" in line
    assert lines[-1].startswith(">")


def test_the_catalogue_is_filtered(call: Call, folder: Path) -> None:
    """By memory, licence, commercial use, language and task; unknown facts never fit."""
    (folder / "models.toml").write_text(MINE)
    base = ("models", "list", "--json")
    assert "house" in names_of(call(*base, "--max-memory", "4GB"))
    assert "llama33-70b" not in names_of(call(*base, "--max-memory", "64GB"))
    assert names_of(call(*base, "--licence", "OWN")) == {"house"}
    assert "house" not in names_of(call(*base, "--commercial"))
    japanese = names_of(call(*base, "--language", "ja"))
    assert names_of(call(*base, "--language", "Japanese")) == japanese
    assert {"house", "qwen25-7b", "llmjp4-8b"} <= japanese
    assert "llama33-70b" not in japanese
    both = names_of(call(*base, "--language", "ja", "--task", "extract", "--max-memory", "8GB"))
    assert both == {"house", "qwen25-7b"}
    assert "qwen3-8b" in call(*base, "--language", "ja").data["unknown"]
    assert "qwen3-8b" in call("models", "list", "--language", "ja").out.splitlines()[-2]
    nothing = call("models", "list", "--licence", "none such")
    assert (nothing.status, nothing.out.count("\n")) == (0, 1)


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [("--max-memory", "8 bytes", "size_wrong"), ("--task", "poetry", "task_wrong")],
)
def test_a_filter_that_is_none_is_named(call: Call, option: str, value: str, code: str) -> None:
    """Exit 2, and the option's name."""
    called = call("models", "list", option, value)
    assert (called.status, called.out) == (2, "")
    assert option in called.err
    assert call("models", "list", option, value, "--json").code == code


def test_a_model_that_is_not_here_is_shown(call: Call) -> None:
    """Every fact with its source, and how to get it."""
    shown = call("models", "show", "gemma2-2b")
    assert shown.status == 0
    for words in ("bartowski/gemma-2-2b-it-GGUF", "<- https://", "with conditions", "models pull"):
        assert words in shown.out
    told = call("models", "show", "gemma2-2b", "--json").data
    assert (told["problem"], told["file"]) == ("model_not_pulled", None)
    assert told["catalogue"]["conditions"]
    without = call("models", "show", "plamo2-8b")
    assert "--from FILE" in without.out


def test_a_model_that_is_here_is_shown_with_its_facts(call: Call) -> None:
    """The file, what was measured, and the catalogue's words."""
    told = call("models", "show", "smollm2-135m", "--json").data
    assert told["catalogue"]["licence"] == "apache-2.0"
    assert (told["origin"], told["problem"]) == (None, None)


def test_an_own_catalogue_that_is_wrong_stops_nothing_quietly(call: Call, folder: Path) -> None:
    """Every command of the catalogue names file, line and key."""
    (folder / "models.toml").write_text(MINE + "colour = 'blue'\n")
    for command in (("list", "--catalogue"), ("show", "house"), ("pull", "house"), ("check",)):
        called = call("models", *command)
        assert (called.status, called.out) == (2, "")
        assert "models.toml, line 10: models.house.colour" in called.err


def test_a_tier_of_the_catalogue_says_how_to_get_it(call: Call, folder: Path) -> None:
    """A run whose model could be pulled, and one whose name is nearly one of the catalogue."""
    spec = folder / "spec.toml"
    text = spec.read_text()
    spec.write_text(text.replace('"stub"', '"qwen25-7b"'))
    called = call("run", "rows.csv", "--spec", "spec.toml")
    assert (called.status, "models pull qwen25-7b" in called.err) == (2, True)
    spec.write_text(text.replace('"stub"', '"qwen2.5-7b"'))
    called = call("run", "rows.csv", "--spec", "spec.toml")
    assert (called.status, "qwen25-7b" in called.err) == (2, True)
    checked = call("spec", "check", "spec.toml")
    assert (checked.status, "qwen25-7b" in checked.err, checked.out.count("\n")) == (0, True, 1)
    (folder / "sekisho.toml").write_text("colour = 'blue'\n")
    checked = call("spec", "check", "spec.toml")
    assert (checked.status, "colour" in checked.err) == (0, True)
