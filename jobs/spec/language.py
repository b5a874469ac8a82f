"""Languages by code or by name: BCP 47 codes, and names from CLDR as Babel carries it.

A code is a language, then a script (`zh-Hant`) or a region (`pt-BR`) or both; what CLDR has no
English name for is unknown. Names are taken in English, in Japanese, and as common languages
call themselves.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Final

from babel import Locale
from babel.core import get_global
from babel.languages import get_official_languages
from pydantic import AfterValidator

CODE: Final = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?")
NO_LANGUAGES: Final = frozenset({"mul", "und", "zxx", "mis"})
"""Codes for several, unknown or no languages."""
SELF_NAMED: Final = (
    "ar", "cs", "da", "de", "el", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ko",
    "ms", "nb", "nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh", "zh_Hant",
)  # fmt: skip
"""Languages that are also known by their own names (Deutsch, 한국어)."""
OTHER_NAMES: Final = {
    "mandarin": "zh", "simplified chinese": "zh-Hans", "traditional chinese": "zh-Hant",
    "簡体字": "zh-Hans", "簡体字中国語": "zh-Hans", "中国語(簡体字)": "zh-Hans",
    "繁体字": "zh-Hant", "繁体字中国語": "zh-Hant", "中国語(繁体字)": "zh-Hant",
    "简体中文": "zh-Hans", "繁体中文": "zh-Hant",
}  # fmt: skip
MOST_SUGGESTIONS: Final = 3


def find_language(written: str) -> str | None:
    """Return the code that a code or a name means, in BCP 47's spelling; None if unknown.

    Case, width, and outer white space do not matter.
    """
    plain = _fold(written)
    matched = CODE.fullmatch(plain)
    if matched:
        code = _spell(*matched.groups())
        if code is not None:
            return code
    return _names().get(plain) or _own_names().get(plain)


def suggest_languages(written: str) -> tuple[str, ...]:
    """Return the codes that an unknown language may have been meant to be, likeliest first."""
    plain = _fold(written)
    found = list(_spoken_where(plain)) if len(plain) == 2 else []
    names = {**_names(), **_own_names()}
    near = difflib.get_close_matches(plain, names, n=MOST_SUGGESTIONS, cutoff=0.75)
    found += [names[name] for name in near]
    matched = CODE.fullmatch(plain)
    if matched:
        bare = _spell(matched[1], None, None)
        found += [bare] if bare else []
    return tuple(dict.fromkeys(found))[:MOST_SUGGESTIONS]


@cache
def name_language(code: str) -> tuple[str, str]:
    """Return the name of a known language in English and in Japanese."""
    return _name(code, "en"), _name(code, "ja")


def base_language(code: str) -> str:
    """Return a code without its script and region."""
    return code.partition("-")[0]


@cache
def script_of(code: str) -> str:
    """Return the script a language is written in as ISO 15924 has it, "" if CLDR has none."""
    named = re.search(r"-([A-Z][a-z]{3})\b", code)
    if named:
        return named[1]
    likely = get_global("likely_subtags")
    full = likely.get(code.replace("-", "_")) or likely.get(base_language(code), "")
    return next((part for part in full.split("_") if len(part) == 4), "")


def read_language(written: str) -> str:
    """Return the code of a known language; raises ValueError, with near misses, for others."""
    code = find_language(written)
    if code is not None:
        return code
    close = [f"{one} ({name_language(one)[0]})" for one in suggest_languages(written)]
    if close:
        raise ValueError(f"it is no language that is known; did you mean {' or '.join(close)}?")
    raise ValueError("it is no language that is known; give its code, such as ja, pt-BR or zh-Hant")


Language = Annotated[str, AfterValidator(read_language)]
"""A language in a spec, given by its code or its name, held by its code."""


def _fold(written: str) -> str:
    plain = unicodedata.normalize("NFKC", written).casefold()
    return " ".join(plain.split()).replace(" (", "(")


def _spell(language: str, script: str | None, region: str | None) -> str | None:
    """Return a code in its spelling; None if one of its parts is unknown."""
    english = Locale("en")
    language = get_global("language_aliases").get(language, language)
    script, region = script and script.title(), region and region.upper()
    if language in NO_LANGUAGES or language not in english.languages:
        return None
    if (script and script not in english.scripts) or (region and region not in english.territories):
        return None
    return "-".join(part for part in (language, script, region) if part)


def _name(code: str, tongue: str) -> str:
    locale = Locale(tongue)
    known = locale.languages.get(code.replace("-", "_"))
    if known:
        return str(known)
    language, *parts = code.split("-")
    english = Locale("en")
    named = locale.languages.get(language) or english.languages[language]
    inside = [
        locale.scripts.get(part) or locale.territories.get(part) or english.territories.get(part)
        for part in parts
    ]
    return f"{named} ({', '.join(str(one) for one in inside)})" if inside else str(named)


@cache
def _names() -> dict[str, str]:
    found = dict(_collect("en"))
    found.update(_collect("ja"))
    return {**found, **OTHER_NAMES}


@cache
def _own_names() -> dict[str, str]:
    return {
        _fold(name): code.replace("_", "-")
        for code in SELF_NAMED
        if (name := Locale.parse(code).languages.get(code))
    }


def _collect(tongue: str) -> Iterator[tuple[str, str]]:
    for code, name in Locale(tongue).languages.items():
        if code not in NO_LANGUAGES:
            yield _fold(name), code.replace("_", "-")


def _spoken_where(code: str) -> Iterator[str]:
    """Yield the languages of the country that a code is: jp is no language, ja is."""
    for language in get_official_languages(code.upper()):
        yield language.replace("_", "-")
