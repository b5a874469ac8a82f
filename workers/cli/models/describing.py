"""What is told of a model: of its file without loading it, and of the catalogue's entry."""

from collections.abc import Iterator
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from jobs.errors import SekishoError
from workers.catalogue import FACTS, Entry
from workers.cli.options import words
from workers.engines.llama.gguf import count_weights, list_parts
from workers.engines.prepared import Found, Record, find_prepared
from workers.models import ModelFile, find_model
from workers.settings import Settings

MEGABYTE: Final = 1_000_000
HASH_CHARS: Final = 12
Name = Annotated[str, typer.Argument(metavar="NAME", help=words("help_models_name"))]
MaybeName = Annotated[str | None, typer.Argument(metavar="[NAME]", help=words("help_models_names"))]


def describe(settings: Settings, name: str) -> dict[str, Any]:
    """Return what is known of a model without loading it; `problem` where it cannot be used."""
    told: dict[str, Any] = dict.fromkeys(("file", "format", "bytes", "prepared", "problem"))
    told |= {"name": name, "size": None}
    try:
        model = find_model(settings, name)
        told["file"] = None if model.path is None else str(model.path)
        if model.path is None or model.section.engine != "llama":
            urls = ", ".join(urlsplit(url).netloc for url in model.section.urls)
            return told | {"file": urls or None, "format": model.section.engine}
        weights = count_weights(model.path)
        size = sum(part.stat().st_size for part in list_parts(model.path))
    except SekishoError as error:
        return told | {"problem": error.code}
    found = look(model)
    told |= {"bytes": size, "size": f"{size / MEGABYTE:.0f} MB"}
    told["format"] = max(weights, key=lambda one: weights[one], default=None)
    told["prepared"] = None if found.record is None else used_format(found.record)
    return told


def look(model: ModelFile, *, thorough: bool = False) -> Found:
    """Return what was prepared of a model; nothing where its settings do not let it be used."""
    off = model.path is None or model.section.prepared == "off"
    return Found() if off else find_prepared(model, thorough=thorough)


def name_problem(model: ModelFile, found: Found) -> str:
    """Return the code of why the original answers."""
    return found.problem or ("prepared_off" if model.section.prepared == "off" else "prepared_none")


def used_format(record: Record) -> str:
    """Return the format of the weights that answer."""
    return record.prepared.format if record.prepared else record.original.format


def show_value(value: object) -> str:
    """Return a value for people, `-` for none."""
    return "-" if value is None else str(value)


def tell_entry(name: str, entry: Entry) -> dict[str, Any]:
    """Return the catalogue's facts of a model as `--json` has them; unknown ones are null."""
    told: dict[str, Any] = {"name": name, **entry.model_dump(mode="json", exclude={"sources"})}
    told |= {"files": list(entry.files), "sources": {}}
    for fact in FACTS:
        if fact in entry.sources:
            told["sources"][fact] = list(entry.sources[fact])
    return told


def facts_of(entry: Entry) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the code of each fact's name, the fact in words, and its sources."""
    for fact in FACTS:
        value = _in_words(entry, fact)
        yield f"fact_{fact}", show_value(value), entry.sources.get(fact, ())


def _in_words(entry: Entry, fact: str) -> str | None:
    if fact == "file":
        place = f"{entry.repository}/{entry.file}" if entry.file else entry.package
        return f"{place} ({entry.quantisation})" if place and entry.quantisation else place
    if fact == "commercial":
        return name_use(entry)
    value = getattr(entry, fact)
    if isinstance(value, tuple):
        return ", ".join(value) or None
    if fact in ("file_gb", "memory_gb") and value is not None:
        return f"{value:g} GB"
    return None if value is None else str(value)


def name_use(entry: Entry) -> str | None:
    """Return in words whether commercial use is free."""
    return None if entry.commercial is None else words(f"commercial_{entry.commercial}")
