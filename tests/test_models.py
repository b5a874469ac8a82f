"""Models by name: sekisho.toml, the models folder, the built-in one; nothing else is guessed."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.errors import ModelError
from workers.models import BUILT_IN, find_model
from workers.settings import Settings, read_settings

NAME = "smollm2-135m"


def make_settings(tmp_path: Path, text: str = "") -> Settings:
    """Settings with a models folder and a file of this text."""
    config = tmp_path / "sekisho.toml"
    config.write_text(text)
    environment = {"SEKISHO_MODELS_DIR": str(tmp_path)}
    return read_settings(config=config, environment=environment)


def test_a_path_in_the_settings_wins(tmp_path: Path) -> None:
    """A model with a path is that file, whether it is there or not, with no known hash."""
    (tmp_path / "mine.gguf").touch()
    settings = make_settings(tmp_path, "[models.mine]\npath = '/else/where.gguf'\nthreads = 3\n")
    found = find_model(settings, "mine")
    assert (found.path, found.expected_sha256) == (Path("/else/where.gguf"), None)
    assert found.section.threads == 3


def test_a_file_in_the_folder_is_found_by_name(tmp_path: Path) -> None:
    """NAME.gguf in the models folder is the model, with what the settings say about it."""
    (tmp_path / "mine.gguf").touch()
    settings = make_settings(tmp_path, "[models.mine]\nthreads = 3\n")
    found = find_model(settings, "mine")
    assert (found.path, found.section.threads) == (tmp_path / "mine.gguf", 3)


def test_a_stub_needs_no_file(tmp_path: Path) -> None:
    """A model of the stub engine has no path."""
    settings = make_settings(tmp_path, "[models.mine]\nengine = 'stub'\n")
    assert find_model(settings, "mine").path is None


def test_the_built_in_one_has_a_known_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in model is the file of its package, and only its known bytes are taken."""
    package = SimpleNamespace(origin=str(tmp_path / "pkg" / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: package)
    found = find_model(make_settings(tmp_path), NAME)
    assert found.path == tmp_path / "pkg" / BUILT_IN[NAME].file_name
    assert found.expected_sha256 == BUILT_IN[NAME].sha256


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package the built-in model says how to get it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match="model_not_installed"):
        find_model(make_settings(tmp_path), NAME)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    """A name that nothing goes by is refused, with the names there are."""
    settings = make_settings(tmp_path, "[models.mine]\nengine = 'stub'\n")
    with pytest.raises(ModelError) as caught:
        find_model(settings, "yours")
    assert caught.value.code == "model_unknown"
    assert caught.value.params["known"] == f"mine, {NAME}"
    assert caught.value.params["folder"] == str(tmp_path)
