"""The files that a spec's [task] names: their content takes the place of their names.

So the spec that is stored is whole, and its hash changes when one of its files does.
"""

import csv
import json
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jobs.errors import SpecError
from jobs.spec.glossary import read_glossary
from jobs.spec.locate import find_line


def attach(data: Mapping[str, Any], folder: Path, text: str, file: str) -> dict[str, Any]:
    """Return the spec's tables with the files of its task read; names are relative to `folder`.

    Raises SpecError, with the line of the key in `text`, for a file that cannot be read or used.
    """
    task = data.get("task")
    if not isinstance(task, dict):
        return dict(data)
    read = dict(task)
    for key, (target, reader) in ATTACHED.items():
        name = task.get(key)
        if not isinstance(name, str):
            continue  # absent, content already, or the model's to refuse
        named = {"file": file, "line": find_line(text, ("task", key)), "key": f"task.{key}"}
        if target != key and target in task:
            raise SpecError("spec_attachment_twice", **named, other=f"task.{target}")
        try:
            content = (folder / name).read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            problem = getattr(error, "strerror", None) or "it is not UTF-8"
            raise SpecError(
                "spec_attachment_unreadable", **named, path=str(folder / name), problem=problem
            ) from None
        try:
            read.pop(key)
            read[target] = reader(content, name)
        except ValueError as error:
            raise SpecError(
                "spec_attachment_wrong", **named, path=str(folder / name), problem=str(error)
            ) from None
    return {**data, "task": read}


def read_labels(content: str, name: str) -> list[Any]:
    """Return labels from a JSON list, or from CSV with the columns `name` and `description`.

    Raises ValueError for anything else.
    """
    if Path(name).suffix.lower() == ".json":
        labels = json.loads(content)
        if not isinstance(labels, list):
            raise ValueError("it should be a list of labels")
        return labels
    reader = csv.DictReader(StringIO(content, newline=""), strict=True)
    try:
        columns = [column.strip() for column in reader.fieldnames or ()]
        reader.fieldnames = columns
        if "name" not in columns:
            raise ValueError("its first line should name the columns name,description")
        return [_as_label(line) for line in reader]
    except csv.Error as error:
        raise ValueError(str(error)) from None


def _as_label(line: Mapping[str, str | None]) -> dict[str, str]:
    return {key: line.get(key) or "" for key in ("name", "description")}


ATTACHED: Final[Mapping[str, tuple[str, Callable[[str, str], Any]]]] = MappingProxyType(
    {"labels_file": ("labels", read_labels), "glossary": ("glossary", read_glossary)}
)
"""Key of [task] that names a file -> the key its content stands under, and how it is read."""
