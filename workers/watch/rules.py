"""`watch.toml`: which spec is for which file; every complaint names file, line and key."""

import difflib
import re
import tomllib
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from jobs.errors import SettingError
from jobs.spec.locate import find_line
from jobs.spec.section import Section, Words, freeze
from workers.report import AllowBad, parse_allow_bad

RULES_NAME: Final = "watch.toml"
PROCESSED: Final = "processed"
FAILED: Final = "failed"
SECTIONS: Final = (PROCESSED, FAILED)
HERE: Final = "."
RULE_LINE: Final = re.compile(r"^\s*\[\[\s*rules\s*\]\]")
Seconds = Annotated[float, Field(ge=0, le=86_400)]


def _read_patterns(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _read_allow_bad(value: Any) -> Any:
    """Take a number of rows, or a percentage as text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError('it should be a number of rows, or a percentage such as "2%"')
    try:
        parse_allow_bad(str(value))
    except SettingError:
        raise ValueError('it should be a number of rows, or a percentage such as "2%"') from None
    return str(value)


def _check_folder(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("it should be a folder inside the watched one")
    if path.parts[:1] in ((PROCESSED,), (FAILED,)):
        raise ValueError("files are filed there, not taken from there")
    return str(path)


class Rule(Section):
    """[[rules]]: files in `folder` (and below) whose name fits `match` are answered by `spec`.

    `spec` and `results` are relative to the file of the rules.
    """

    spec: Words
    folder: Annotated[Words, AfterValidator(_check_folder)] | None = None
    match: Annotated[tuple[Words, ...], BeforeValidator(_read_patterns), Field(min_length=1)] = (
        "*",
    )
    settle_seconds: Seconds | None = None
    allow_bad: Annotated[str, BeforeValidator(_read_allow_bad)] = "0"
    partial: bool = False
    results: Words | None = None

    @property
    def allowed(self) -> AllowBad:
        """How many rows may end badly before the file is filed as failed."""
        return parse_allow_bad(self.allow_bad)

    def fits(self, path: str) -> bool:
        """Say whether a file of the watched folder is this rule's; case does not matter."""
        folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
        if not any(fnmatchcase(_fold(name), _fold(pattern)) for pattern in self.match):
            return False
        if self.folder is None:
            return True
        if self.folder == HERE:
            return str(folder) == HERE
        above = [one for one in (folder, *folder.parents) if str(one) != HERE]
        return any(fnmatchcase(_fold(str(one)), _fold(self.folder)) for one in above)

    def takes_from(self, folder: str) -> bool:
        """Say whether it names this folder, or one below it, as one to take files from."""
        if self.folder is None or self.folder == HERE:
            return False
        named = (PurePosixPath(self.folder), *PurePosixPath(self.folder).parents)
        return _fold(folder) in {_fold(str(one)) for one in named}


class WatchFile(Section):
    """The whole of watch.toml; the first rule that fits a file is the one that counts."""

    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    settle_seconds: Seconds = 5.0
    scan_seconds: Annotated[float, Field(gt=0, le=3_600)] = 2.0
    unmatched: Literal["leave", "fail"] = "leave"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a folder and where they stand."""

    path: Path
    file: WatchFile

    def find(self, path: str) -> Rule | None:
        """Return the first rule that fits a file of the watched folder."""
        return next((rule for rule in self.file.rules if rule.fits(path)), None)

    def wants(self, path: str) -> bool:
        """Say whether something is to be done with a file: a rule fits, or those without fail."""
        return self.file.unmatched == "fail" or self.find(path) is not None

    def settle_seconds(self, path: str) -> float:
        """Return how long this file must stand still."""
        rule = self.find(path)
        own = None if rule is None else rule.settle_seconds
        return self.file.settle_seconds if own is None else own

    def spec_path(self, rule: Rule) -> Path:
        """Return where a rule's spec stands."""
        return self.path.parent / rule.spec

    def results_folder(self, rule: Rule) -> Path | None:
        """Return where a rule's results go, None if they stay in SQL."""
        return None if rule.results is None else self.path.parent / rule.results


def read_rules(path: Path) -> Rules:
    """Read and check a file of rules; raises SettingError, which names the line and the key."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise SettingError("watch_rules_unreadable", file=str(path), problem=problem) from error
    try:
        return Rules(path.absolute(), WatchFile.model_validate(freeze(data)))
    except ValidationError as error:
        raise _as_setting_error(error, text, str(path)) from None


def _as_setting_error(error: ValidationError, text: str, file: str) -> SettingError:
    details = error.errors(include_url=False)
    # A needed key that is misspelt is both missing and unknown; the misspelling is the mistake.
    first = next((one for one in details if one["type"] == "extra_forbidden"), details[0])
    path = tuple(str(part) for part in first["loc"])
    written = tuple(part for part in path if not part.isdigit())
    key = ".".join(written) or "rules"
    named: dict[str, object] = {"file": file, "line": _find_line(text, path), "key": key}
    if first["type"] == "missing":
        return SettingError("watch_key_missing", **named)
    if first["type"] != "extra_forbidden":
        problem = first["msg"].removeprefix("Value error, ")
        return SettingError("watch_value_wrong", **named, problem=problem)
    model: type[BaseModel] = Rule if written[0] == "rules" else WatchFile
    close = difflib.get_close_matches(written[-1], model.model_fields, n=1, cutoff=0.6)
    if close:
        return SettingError("watch_key_misspelt", **named, suggestion=close[0])
    known = ", ".join(sorted(model.model_fields))
    return SettingError("watch_key_unknown", **named, known=known)


def _find_line(text: str, path: tuple[str, ...]) -> int:
    """Return the 1-based line of a key; of the rule that it belongs to, if it is a rule's."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if RULE_LINE.match(line)]
    if len(path) > 1 and path[0] == "rules" and path[1].isdigit() and int(path[1]) < len(starts):
        start, end = [*starts, len(lines)][int(path[1]) :][:2]
        return start + find_line("\n".join(lines[start:end]), path)
    return find_line(text, path)


def _fold(text: str) -> str:
    """One form for one name: file systems and keyboards do not agree on accents and case."""
    return unicodedata.normalize("NFC", text).casefold()
