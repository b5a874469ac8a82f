"""Models by name: sekisho.toml, the models folder, the built-in one; nothing else is guessed."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.errors import ModelError
from workers.models import BUILT_IN, find_model, list_models
from workers.origin import FilePart, Origin, origin_path
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


def test_a_name_of_the_catalogue_says_how_to_get_it(tmp_path: Path) -> None:
    """A model that could be pulled is not unknown; one like it is suggested."""
    settings = make_settings(tmp_path)
    with pytest.raises(ModelError) as caught:
        find_model(settings, "qwen25-7b")
    assert caught.value.code == "model_not_pulled"
    with pytest.raises(ModelError) as caught:
        find_model(settings, "qwen2.5-7b")
    assert caught.value.code == "model_unknown"
    assert "qwen25-7b" in str(caught.value.params["close"])


def test_a_model_in_several_parts_has_one_name(tmp_path: Path) -> None:
    """The first part is the model's file; the parts are no models of their own."""
    for part in (1, 2):
        (tmp_path / f"big.v1-{part:05}-of-00002.gguf").touch()
    settings = make_settings(tmp_path)
    assert find_model(settings, "big.v1").path == tmp_path / "big.v1-00001-of-00002.gguf"
    assert [name for name in list_models(settings) if name != NAME] == ["big.v1"]


def test_what_was_recorded_of_a_file_is_expected_of_it(tmp_path: Path) -> None:
    """The hash beside a file, wherever that is; a record that cannot be read is refused."""
    path = tmp_path / "mine.gguf"
    path.touch()
    part = FilePart(source_name="x.gguf", sha256="a" * 64, bytes=1)
    origin = Origin(
        model="mine", source="https://x", parts=(part,), checked="hub", taken_at="2026-11-20"
    )
    origin_path(path).write_text(origin.model_dump_json())
    settings = make_settings(tmp_path, f"[models.named]\npath = '{path}'\n")
    assert find_model(settings, "mine").expected_sha256 == "a" * 64
    assert find_model(settings, "named").expected_sha256 == "a" * 64
    origin_path(path).write_text("{}")
    with pytest.raises(ModelError, match="model_record_unreadable"):
        find_model(settings, "mine")
