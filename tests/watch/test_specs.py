"""The specs of the rules are read again when their files change."""

import os
from pathlib import Path

import pytest

from jobs.errors import ModelError, SpecError
from jobs.spec import Spec
from tests.watch.making import SPEC
from workers.watch.specs import Specs


def write(path: Path, text: str, second: int) -> None:
    """Write a spec at a certain time."""
    path.write_text(text)
    os.utime(path, (second, second))


def test_a_spec_is_read_again_when_it_changed(tmp_path: Path) -> None:
    """And only then; a broken version says what is wrong until it is mended."""
    path = tmp_path / "s.toml"
    write(path, SPEC, 1)
    checked: list[str] = []
    specs = Specs(lambda spec: checked.append(spec.name))
    specs.read_all([path, path])
    assert (specs.get(path).name, checked) == ("small", ["small"])
    write(path, SPEC.replace("labels", "lables"), 2)
    for _ in range(2):
        with pytest.raises(SpecError) as raised:
            specs.get(path)
        assert raised.value.code == "spec_key_misspelt"
    write(path, SPEC.replace("small", "other"), 3)
    assert (specs.get(path).name, checked) == ("other", ["small", "other"])


def test_what_the_check_refuses_is_asked_again(tmp_path: Path) -> None:
    """A model may be installed without a change to the spec."""
    path = tmp_path / "s.toml"
    write(path, SPEC, 1)
    missing = [True]

    def check(_: Spec) -> None:
        if missing:
            raise ModelError("model_missing", path="x")

    specs = Specs(check)
    with pytest.raises(ModelError):
        specs.read_all([path])
    missing.clear()
    assert specs.get(path).name == "small"


def test_a_spec_that_is_gone(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(SpecError) as raised:
        Specs(lambda _: None).get(tmp_path / "none.toml")
    assert raised.value.code == "spec_unreadable"
