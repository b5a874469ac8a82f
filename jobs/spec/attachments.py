"""The files that a spec's [task] names: their content takes the place of their names.

So the spec that is stored is whole, and its hash changes when one of its files does.
"""

import csv
import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jobs.errors import SpecError
from jobs.spec.classify import MAX_LABELS, MIN_LABELS
from jobs.spec.glossary import read_glossary
from jobs.spec.locate import find_line

MAX_BYTES: Final = 4 * 1024 * 1024
"""A file that is larger is none for a spec, which is kept with every batch."""
UNFIT: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of Unicode that no name has: controls, half surrogates, ends of lines."""


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
        if name is None or (target == key and not isinstance(name, str)):
            continue  # absent, content already, or the model's to refuse
        named: dict[str, Any] = {
            "file": file,
            "line": find_line(text, ("task", key)),
            "key": f"task.{key}",
        }
        if not isinstance(name, str):
            raise SpecError("spec_value_wrong", **named, problem="it should be the name of a file")
        if target != key and target in task:
            raise SpecError("spec_attachment_twice", **named, other=f"task.{target}")
        try:
            content = _read_text(folder / name)
        except UnicodeDecodeError:
            raise SpecError(
                "spec_attachment_unreadable",
                **named,
                path=str(folder / name),
                problem="it is not UTF-8",
            ) from None
        except (OSError, ValueError) as error:  # ValueError: no path has a NUL
            problem = getattr(error, "strerror", None) or str(error)
            raise SpecError(
                "spec_attachment_unreadable", **named, path=str(folder / name), problem=problem
            ) from None
        try:
            if content is None:
                raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
            read.pop(key)
            read[target] = reader(content, name)
        except ValueError as error:
            raise SpecError(
                "spec_attachment_wrong", **named, path=str(folder / name), problem=str(error)
            ) from None
    return {**data, "task": read}


def _read_text(path: Path) -> str | None:
    """Return a file's text, None if it is too large to stand in a spec; raises OSError."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    return content.decode("utf-8-sig") if len(content) <= MAX_BYTES else None


def read_labels(content: str, name: str) -> list[Any]:
    """Return labels from a JSON list of names or tables, or from CSV with the columns `name` and
    `description`.

    Raises ValueError, with the line in the file (of JSON: the number of the label) where there is
    one, for anything else: also for labels that are too many, equal, or named by no single line.
    """
    is_json = Path(name).suffix.lower() == ".json"
    labels = _read_list(content) if is_json else list(_read_table(content))
    if len(labels) > MAX_LABELS:
        raise ValueError(f"it has {len(labels)} labels; {MAX_LABELS} are the most")
    if len(labels) < MIN_LABELS:
        raise ValueError(f"it has {len(labels)} labels; {MIN_LABELS} are the least")
    seen: dict[str, str] = {}
    for place, label in labels:
        found = label["name"]
        if any(unicodedata.category(one) in UNFIT for one in found):
            raise ValueError(f"{place}: the name holds a line break or another control character")
        plain = unicodedata.normalize("NFKC", found).strip()
        if not plain:
            raise ValueError(f"{place}: the name is empty")
        if plain in seen:
            raise ValueError(f"{place}: the label {found!r} stands at {seen[plain]} already")
        seen[plain] = place
    return [label for _, label in labels]


def _read_list(content: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (place, label) of a JSON list; a table may have what one has in the spec."""
    try:
        items = json.loads(content, object_pairs_hook=_refuse_twice)
    except RecursionError:
        raise ValueError("it should be a list of labels") from None
    if not isinstance(items, list):
        raise ValueError("it should be a list of labels")
    return [(f"label {number}", _as_table(number, item)) for number, item in enumerate(items, 1)]


def _as_table(number: int, item: Any) -> dict[str, Any]:
    label = {"name": item} if isinstance(item, str) else item
    known = ("name", "description", "examples")
    if not isinstance(label, dict) or not isinstance(label.get("name"), str):
        raise ValueError(f"label {number} should be a name, or a table with one")
    unknown = sorted(label.keys() - set(known))
    if unknown:
        raise ValueError(f"label {number}: unknown key {unknown[0]!r}; known: {', '.join(known)}")
    examples = label.get("examples", [])
    if not isinstance(label.get("description", ""), str):
        raise ValueError(f"label {number}: description should be text")
    if not isinstance(examples, list) or not all(isinstance(one, str) and one for one in examples):
        raise ValueError(f"label {number}: examples should be a list of texts")
    return label


def _read_table(content: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (place, label) of each line; blank lines are none."""
    reader = csv.reader(StringIO(content, newline=""), strict=True)
    try:
        columns = [column.strip() for column in next(reader, [])]
        if "name" not in columns or len(set(columns)) < len(columns):
            raise ValueError("its first line should name the columns name,description")
        unknown = [column for column in columns if column not in ("name", "description")]
        if unknown:
            raise ValueError(f"unknown column {unknown[0]!r}; known: name, description")
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) > len(columns):
                raise ValueError(f"line {line} has more cells than the first; quote its commas")
            if cells:
                yield f"line {line}", dict(zip(columns, cells, strict=False))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Which of two values of one key was meant is not known."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a table has a key twice")
    return found


ATTACHED: Final[Mapping[str, tuple[str, Callable[[str, str], Any]]]] = MappingProxyType(
    {"labels_file": ("labels", read_labels), "glossary": ("glossary", read_glossary)}
)
"""Key of [task] that names a file -> the key its content stands under, and how it is read."""
