"""Reads spec files; every complaint names the file, the line and the key."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jobs.errors import NotBuiltError, SpecError
from jobs.spec.attachments import ATTACHED, attach
from jobs.spec.extract import ExtractTask
from jobs.spec.field import FieldSpec
from jobs.spec.locate import find_line
from jobs.spec.model import NOT_BUILT, NOT_BUILT_VALUES, Spec
from jobs.spec.section import freeze
from jobs.spec.task import TASKS
from jobs.spec.zone import is_zone, suggest_zones

CURRENT: Final = Path()
TOO_DEEP: Final = "its tables and lists stand too deep in each other"
NOT_KEPT: Final = "it holds a NUL character or half a surrogate pair, which no database keeps"


def read_spec(path: Path) -> Spec:
    """Read and check a spec file.

    Raises SpecError if it cannot be read, is no TOML, or has an unknown, missing or wrong key;
    NotBuiltError if it names a part that is not built yet.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError("spec_not_utf8", file=str(path)) from error
    except OSError as error:
        raise SpecError("spec_unreadable", file=str(path), problem=error.strerror) from error
    return parse_spec(text, str(path), path.parent)


def parse_spec(text: str, file: str, folder: Path = CURRENT) -> Spec:
    """Check a spec's text; `file` is only named in errors, other files are sought in `folder`."""
    try:
        return _check(tomllib.loads(text), text, file, folder)
    except tomllib.TOMLDecodeError as error:
        raise SpecError("spec_not_toml", file=file, problem=str(error)) from error
    except RecursionError:
        raise SpecError("spec_not_toml", file=file, problem=TOO_DEEP) from None


def build_spec(data: Mapping[str, Any], name: str = "spec") -> Spec:
    """Check a spec given as tables, as TOML would have them; `name` is only named in errors."""
    try:
        return _check(_as_tables(data), "", name, CURRENT)
    except RecursionError:
        raise SpecError("spec_not_toml", file=name, problem=TOO_DEEP) from None


def _as_tables(value: Any) -> Any:
    """Let mappings and tuples be what TOML would have made of them."""
    if isinstance(value, Mapping):
        return {str(key): _as_tables(item) for key, item in value.items()}
    return [_as_tables(item) for item in value] if isinstance(value, list | tuple) else value


def _check(data: dict[str, Any], text: str, file: str, folder: Path) -> Spec:
    """Check tables; `text` is where the lines of complaints are looked up."""
    _refuse_not_built(data, text, file)
    data = attach(data, folder, text, file)
    _refuse_unstorable(data, text, file)
    try:
        spec = Spec.model_validate(freeze(data))
    except ValidationError as error:
        raise _as_spec_error(error, data, text, file) from None
    _refuse_unused(data, text, file)
    _refuse_unknown_zone(spec, text, file)
    _refuse_wrong_examples(spec, text, file)
    return spec


def _refuse_unstorable(data: Mapping[str, Any], text: str, file: str) -> None:
    """A spec is kept with every batch."""
    from jobs.tasks.answers import is_storable  # noqa: PLC0415 - tasks know specs

    for path, found in _strings(data):
        if not is_storable(found):
            key = ".".join(path[:2])
            line = find_line(text, path)
            raise SpecError("spec_value_wrong", file=file, line=line, key=key, problem=NOT_KEPT)


def _strings(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every string with its path, names of keys too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield path, str(key)
            yield from _strings(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item, path)


def _refuse_unused(data: Mapping[str, Any], text: str, file: str) -> None:
    """A threshold that no mode looks at would be believed to be a gate."""
    gate = data.get("gate")
    if isinstance(gate, dict) and "threshold" in gate and gate.get("mode") != "threshold":
        line = find_line(text, ("gate", "threshold"))
        mode = str(gate.get("mode", "keep_all"))
        raise SpecError("spec_threshold_unused", file=file, line=line, mode=mode)


def _refuse_unknown_zone(spec: Spec, text: str, file: str) -> None:
    """Look only when a file is read: a stored spec's zone was known where it was handed in."""
    if is_zone(spec.timezone):
        return
    line, close = find_line(text, ("timezone",)), suggest_zones(spec.timezone)
    named: dict[str, object] = {"file": file, "line": line, "zone": spec.timezone}
    if close:
        raise SpecError("spec_timezone_unknown", **named, suggestions=", ".join(close))
    raise SpecError("spec_timezone_unlike", **named)


def _refuse_wrong_examples(spec: Spec, text: str, file: str) -> None:
    """An example that would not pass the checks of its own task teaches the model to fail them."""
    from jobs.tasks.extract import find_wrong_example  # noqa: PLC0415 - tasks know specs

    wrong = find_wrong_example(spec.task) if isinstance(spec.task, ExtractTask) else None
    if wrong is not None:
        line = find_line(text, ("task", "examples"))
        raise SpecError(
            "spec_value_wrong", file=file, line=line, key="task.examples", problem=wrong
        )


def restore_spec(canonical: Mapping[str, Any]) -> Spec:
    """Rebuild a spec from its stored canonical form."""
    return Spec.model_validate(freeze(dict(canonical)))


def _flatten(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict) and dotted != "tags":
            yield from _flatten(value, f"{dotted}.")
        else:
            yield dotted, value


def _refuse_not_built(data: Mapping[str, Any], text: str, file: str) -> None:
    for key, value in _flatten(data):
        unbuilt_value = value in NOT_BUILT_VALUES.get(key, ()) if isinstance(value, str) else False
        if key in NOT_BUILT or unbuilt_value:
            line = find_line(text, tuple(key.split(".")))
            raise NotBuiltError("setting_not_built", file=file, line=line, key=key, value=value)


def _as_spec_error(
    error: ValidationError, data: Mapping[str, Any], text: str, file: str
) -> SpecError:
    details = error.errors(include_url=False)
    # A needed key that is misspelt is both missing and unknown; the misspelling is the mistake.
    first = next((one for one in details if one["type"] == "extra_forbidden"), details[0])
    path = _as_written(tuple(str(part) for part in first["loc"]), data)
    if first["type"] == "union_tag_not_found":
        return _no_kind(data, text, file)
    if first["type"] == "union_tag_invalid":
        path = (*path, "kind")
    named: dict[str, object] = {
        "file": file,
        "line": find_line(text, path),
        "key": ".".join(path) or "spec",
    }
    if first["type"] == "extra_forbidden":
        return _unknown_key(path, named, _known_keys(path[:-1], data))
    if first["type"] == "missing":
        return SpecError("spec_key_missing", **named)
    return SpecError("spec_value_wrong", **named, problem=_problem(first))


def _as_written(loc: tuple[str, ...], data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the path as the file has it: without the task's kind, fields by their names."""
    if loc[:1] != ("task",) or len(loc) < 2 or loc[1] not in TASKS:
        return loc
    table, path, rest = data["task"], [loc[0]], list(loc[2:])
    while rest[:1] == ["fields"] and len(rest) > 1 and isinstance(table.get("fields"), dict):
        name = list(table["fields"])[int(rest[1])]
        path += ["fields", name]
        table, rest = table["fields"][name], rest[2:]
        rest = [] if rest == ["name"] else rest  # the name is the table's own
    return (*path, *rest)


def _no_kind(data: Mapping[str, Any], text: str, file: str) -> SpecError:
    """Say that `kind` is missing, or which key was probably meant to be it."""
    meant = difflib.get_close_matches("kind", list(data["task"]), n=1, cutoff=0.6)
    path = ("task", meant[0] if meant else "kind")
    named: dict[str, object] = {"file": file, "line": find_line(text, path), "key": ".".join(path)}
    if meant:
        return SpecError("spec_key_misspelt", **named, suggestion="kind")
    return SpecError("spec_key_missing", **named)


def _problem(detail: ErrorDetails) -> str:
    """Say what is wrong with a value without repeating the value itself."""
    if detail["type"] == "union_tag_invalid":
        return f"it should be one of {', '.join(TASKS)}"
    said = detail["msg"].removeprefix("Value error, ").replace(" after validation", "")
    return said.replace("a valid tuple", "a list").replace("Tuple should", "the list should")


def _unknown_key(path: tuple[str, ...], named: dict[str, object], known: list[str]) -> SpecError:
    close = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.6)
    if close:
        return SpecError("spec_key_misspelt", **named, suggestion=close[0])
    return SpecError("spec_key_unknown", **named, known=", ".join(sorted(known)))


def _known_keys(path: tuple[str, ...], data: Mapping[str, Any]) -> list[str]:
    """Return the keys a table of the spec may hold, those of unbuilt parts included."""
    model: type[BaseModel] = Spec
    for part in path:
        if part not in model.model_fields:
            continue  # the number of an item, the name of a field
        annotation = TASKS[data["task"]["kind"]] if part == "task" else _inner(model, part)
        model = annotation or model
    prefix = f"{path[0]}." if path else ""
    unbuilt = [
        key.removeprefix(prefix)
        for key in NOT_BUILT
        if len(path) <= 1 and key.startswith(prefix) and key.count(".") == prefix.count(".")
    ]
    if path[:2] == ("task", "fields"):
        return sorted(set(FieldSpec.model_fields) - {"name"})
    own = ATTACHED.items() if path == ("task",) else ()
    attached = [key for key, (target, _) in own if target in model.model_fields]
    return [*dict.fromkeys((*model.model_fields, *unbuilt, *attached))]


def _inner(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of a key's table, or of the items of its list."""
    annotation = model.model_fields[name].annotation
    kinds = [annotation, *getattr(annotation, "__args__", ())]
    return next(
        (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None
    )
