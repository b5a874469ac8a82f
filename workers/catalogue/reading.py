"""Reads catalogues: the one that comes with Sekisho, and the user's own, which wins by name."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from jobs.errors import SettingError
from jobs.spec.locate import find_line
from workers.catalogue.entry import NAME, Entry
from workers.settings import Settings

BUILT_IN: Final = Path(__file__).parent / "models.toml"
OWN_FILE: Final = "models.toml"
SUGGESTIONS: Final = 5


def read_catalogue(settings: Settings) -> Mapping[str, Entry]:
    """Return every model by name; an own entry stands in the place of ours of that name.

    Raises SettingError that names file, line and key of what is wrong in an own file.
    """
    entries = dict(_read_built_in())
    for path in list_own_files(settings):
        entries |= read_file(path)
    return dict(sorted(entries.items()))


def list_own_files(settings: Settings) -> list[Path]:
    """Return the user's catalogues, the one that wins last.

    They are models.toml in the models folder and `[catalogue] path`, by default models.toml
    beside sekisho.toml; only a path that was written down must exist.
    """
    named = settings.catalogue.path
    found = [settings.models_dir / OWN_FILE]
    if named is None and settings.config_path is not None:
        found.append(settings.config_path.with_name(OWN_FILE))
    there = [path for path in found if path.is_file()]
    if len({path.resolve() for path in there}) < len(there):
        there = there[:1]
    return there if named is None else [*there, named]


def suggest_names(settings: Settings, name: str) -> list[str]:
    """Return names of the catalogue that are like this one, the closest first."""
    known = list(read_catalogue(settings))
    asked = name.lower()
    near = difflib.get_close_matches(asked, known, n=SUGGESTIONS, cutoff=0.5)
    begins = [one for one in known if one.startswith(asked.split("-", maxsplit=1)[0])]
    return list(dict.fromkeys([*near, *begins]))[:SUGGESTIONS]


@cache
def _read_built_in() -> Mapping[str, Entry]:
    return read_file(BUILT_IN)


def read_file(path: Path) -> Mapping[str, Entry]:
    """Read one catalogue: a table [models.NAME] for each model; raises SettingError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise SettingError("catalogue_unreadable", file=str(path), problem=problem) from error
    for key, value in _wrong_shapes(data):
        named = {"line": find_line(text, key), "key": ".".join(key), "problem": value}
        raise SettingError("catalogue_key_wrong", file=str(path), **named)
    return {name: _read_entry(path, text, name, one) for name, one in data["models"].items()}


def _wrong_shapes(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key in data.keys() - {"models"}:
        yield (key,), "unknown key; models stand in tables [models.NAME]"
    models = data.get("models")
    if not isinstance(models, dict) or not models:
        yield ("models",), "there is no table [models.NAME]"
        return
    for name, entry in models.items():
        if not NAME.fullmatch(name):
            yield ("models", name), "a name has letters, digits and . _ - only"
        if not isinstance(entry, dict):
            yield ("models", name), "it must be a table [models.NAME]"


def _read_entry(path: Path, text: str, name: str, data: Mapping[str, Any]) -> Entry:
    try:
        return Entry.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ("models", name, *(str(part) for part in first["loc"]))
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            close = difflib.get_close_matches(key[-1], Entry.model_fields, n=1)
            problem = f"unknown key{f' ({close[0]}?)' if close else ''}"
        line = find_line(text, key)
        raise SettingError(
            "catalogue_key_wrong", file=str(path), line=line, key=".".join(key), problem=problem
        ) from None
