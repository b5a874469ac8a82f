"""English and Japanese words for every stable message code.

The catalogues `en.toml` and `ja.toml` hold the same codes with the same {parameters}; a test
keeps them in step. Jobs and workers pass codes; only what talks to people calls `say`.
"""

import locale
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal

Language = Literal["en", "ja"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ja")


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Return code -> words with {parameters} in one language."""
    text = (files(__name__) / f"{language}.toml").read_text(encoding="utf-8")
    words: dict[str, str] = tomllib.loads(text)
    return words


def choose_language(environment: Mapping[str, str] | None = None) -> Language:
    """Pick the language from SEKISHO_LANG, else from the locale; English when in doubt."""
    environment = os.environ if environment is None else environment
    wanted = environment.get("SEKISHO_LANG") or next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)),
        locale.getlocale()[0] or "en",
    )
    return "ja" if wanted.lower().startswith("ja") else "en"


def say(code: str, language: Language = "en", **params: object) -> str:
    """Return the words for a code; an unknown code is shown as it is, never hidden."""
    words = catalogue(language).get(code)
    if words is None:
        return " ".join([code, *(f"{name}={value}" for name, value in params.items())])
    return words.format_map(_Params(params))


class _Params(dict[str, object]):
    """Shows a parameter nobody gave by its name: words must never fail for want of one."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"
