"""Reads spec files; every complaint names the file, the line and the key."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jobs.errors import NotBuiltError, SpecError
from jobs.spec.locate import find_line
from jobs.spec.model import NOT_BUILT, NOT_BUILT_VALUES, Spec, freeze


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
    return parse_spec(text, str(path))


def parse_spec(text: str, file: str) -> Spec:
    """Check a spec's text; `file` is only named in errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError("spec_not_toml", file=file, problem=str(error)) from error
    _refuse_not_built(data, text, file)
    try:
        spec = Spec.model_validate(freeze(_without_accepted(data)))
    except ValidationError as error:
        raise _as_spec_error(error, text, file) from None
    _refuse_unused(data, text, file)
    return spec


def _refuse_unused(data: Mapping[str, Any], text: str, file: str) -> None:
    """A threshold that no mode looks at would be believed to be a gate."""
    gate = data.get("gate")
    if isinstance(gate, dict) and "threshold" in gate and gate.get("mode") != "threshold":
        line = find_line(text, ("gate", "threshold"))
        mode = str(gate.get("mode", "keep_all"))
        raise SpecError("spec_threshold_unused", file=file, line=line, mode=mode)


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
        unbuilt_key = key in NOT_BUILT and not any(
            value == accepted and type(value) is type(accepted) for accepted in NOT_BUILT[key]
        )
        unbuilt_value = value in NOT_BUILT_VALUES.get(key, ()) if isinstance(value, str) else False
        several_tiers = key == "route.tiers" and isinstance(value, list) and len(value) > 1
        several_texts = key == "input.text" and isinstance(value, list)
        if unbuilt_key or unbuilt_value or several_tiers or several_texts:
            line = find_line(text, tuple(key.split(".")))
            raise NotBuiltError("setting_not_built", file=file, line=line, key=key, value=value)


def _without_accepted(data: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the keys of unbuilt parts that say "without it"; the models do not know them."""
    return {
        key: {name: item for name, item in value.items() if f"{key}.{name}" not in NOT_BUILT}
        if isinstance(value, dict)
        else value
        for key, value in data.items()
    }


def _as_spec_error(error: ValidationError, text: str, file: str) -> SpecError:
    details = error.errors(include_url=False)
    # A needed key that is misspelt is both missing and unknown; the misspelling is the mistake.
    first = next((one for one in details if one["type"] == "extra_forbidden"), details[0])
    path = tuple(str(part) for part in first["loc"])
    named: dict[str, object] = {
        "file": file,
        "line": find_line(text, path),
        "key": ".".join(path) or "spec",
    }
    if first["type"] == "extra_forbidden":
        return _unknown_key(path, named)
    if first["type"] == "missing":
        return SpecError("spec_key_missing", **named)
    return SpecError("spec_value_wrong", **named, problem=_problem(first))


def _problem(detail: ErrorDetails) -> str:
    """Say what is wrong with a value without repeating the value itself."""
    return detail["msg"].removeprefix("Value error, ")


def _unknown_key(path: tuple[str, ...], named: dict[str, object]) -> SpecError:
    known = _known_keys(path[:-1])
    close = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.6)
    if close:
        return SpecError("spec_key_misspelt", **named, suggestion=close[0])
    return SpecError("spec_key_unknown", **named, known=", ".join(sorted(known)))


def _known_keys(path: tuple[str, ...]) -> list[str]:
    """Return the keys a table of the spec may hold, those of unbuilt parts included."""
    model: type[BaseModel] = Spec
    for part in path:
        if part.isdigit() or part not in model.model_fields:
            continue
        annotation = model.model_fields[part].annotation
        inner = [annotation, *getattr(annotation, "__args__", ())]
        models = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]
        model = models[0] if models else model
    prefix = f"{path[0]}." if path else ""
    unbuilt = [
        key.removeprefix(prefix)
        for key in NOT_BUILT
        if len(path) <= 1 and key.startswith(prefix) and key.count(".") == prefix.count(".")
    ]
    return [*model.model_fields, *unbuilt]
