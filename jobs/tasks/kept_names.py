"""Names of a text that its translation has in no form.

Sound only where a name's form is known: from English, in Latin letters as it stands, or in Japanese
in katakana that may sound like it; from Japanese, words in Latin letters as they stand, and
katakana that is called a person (・, 氏, さん). Names that are translated by meaning or into
Chinese characters or Hangul cannot be told from lost ones, and are not looked for.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from jobs.spec.language import base_language, script_of
from jobs.tasks.capitals import translated_capitals
from jobs.tasks.identity import identify
from jobs.tasks.languages import detect_language, split_sentences
from jobs.tasks.transliteration import KATAKANA_RUN, may_spell

WORD: Final = re.compile(r"[^\W\d_][^\W_]*(?:['’.][^\W\d_]+)*")
SKIPPED: Final = re.compile(
    r"https?://\S+|[\w.+-]{1,64}@\S+|<[^<>]*>|`[^`\n]*`|\{[^{}]*\}|≪[^≪≫]*≫"
)
LATIN_WORD: Final = re.compile(r"(?<![A-Za-z0-9_.@/{<$%])[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*")
CODE: Final = re.compile(
    r"(?<![\w/.@-])(?=[A-Z0-9-]*[A-Z])(?=[A-Z0-9-]*[0-9])[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*(?![\w/@])"
)
PERSON: Final = re.compile(
    rf"(?<![\u30a1-\u30fa\u30fc])({KATAKANA_RUN.pattern})(?=氏|さん|様|選手|大統領|首相|教授|博士|監督|議員|容疑者|被告)"
)
EASTERN: Final = re.compile(
    r"(?:(?:[bdfghjkmnprstwyz]|[bghkmnpr]y|ch|sh|ts|kk|pp|ss|tt)?[aeiou]|n(?![aeiou]))+"
    r"|(?:(?:[bcdfghjklmnpqrstwxyz]|ch|sh|zh)?"
    r"(?:a|ai|an|ang|ao|e|ei|en|eng|eo|eong|i|ia|ian|iang|iao|ie|in|ing|o|ong|oo|ou|u|ua|uan|uang"
    r"|ui|un|uo))+"
)
"""Japanese, Chinese and Korean names by their syllables; Japanese writes them in kanji."""
OPENING: Final = frozenset("\"“'‘:-(")
"""Behind these a word may have its capital as the first one."""
MIN_NAME: Final = 3
MIN_JAPANESE_WORD: Final = 2
STEM: Final = 4
MOST_CHARS: Final = 20_000
STRUCK: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i"})
"""Letters with a stroke, which Unicode does not take apart."""
TITLE_SHARE: Final = 0.8
"""A sentence with more of its long words in capitals is a headline."""


def find_lost_names(source: str, text: str, code: str) -> tuple[str, ...]:
    """Return the names of a source that its translation into a language has in no form."""
    if len(source) > MOST_CHARS:
        return ()  # its parts are looked at one by one
    plain = _plain(text)
    lost = [word for word in CODE.findall(source) if _plain(word) not in plain]
    spoken = detect_language(source)
    target = base_language(code)
    if spoken == "ja" and script_of(code) == "Latn":
        return (*lost, *_lost_from_japanese(source, text, plain))
    if spoken is None and (target == "ja" or script_of(code) == "Latn"):
        runs = list(_english_names(source))
        if runs and identify(source) == "en" != target:
            lost += [name for run in runs for name in _lost_of(run, source, text, plain, target)]
    return tuple(dict.fromkeys(lost))


def _lost_of(run: Sequence[str], source: str, text: str, plain: str, target: str) -> Iterator[str]:
    """Yield those of the names side by side that stand in no form."""
    missing = [name for name in run if not _is_written(name, plain, target)]
    if target != "ja":
        yield from missing
    elif missing and not all(EASTERN.fullmatch(name.casefold()) for name in run):
        words = _words(source)
        yield from (name for name in missing if may_spell(name, text, words - {name}) is False)


@lru_cache(maxsize=2)  # all names of a row ask for the same
def _words(text: str) -> frozenset[str]:
    return frozenset(_strip(match[0]) for match in WORD.finditer(text)) - {""}


def _english_names(text: str) -> Iterator[list[str]]:
    """Yield the words that only names write with a capital, those side by side together."""
    for sentence in split_sentences(SKIPPED.sub(" ", text)):
        words = [(match.start(), _strip(match[0])) for match in WORD.finditer(sentence)]
        long = [word for _, word in words if len(word) > MIN_NAME]
        if long and sum(word[:1].isupper() for word in long) > TITLE_SHARE * len(long):
            continue
        run: list[str] = []
        for number, (start, word) in enumerate(words):
            follows = words[number + 1][1] if number + 1 < len(words) else ""
            opens = number == 0 or sentence[:start].rstrip()[-1:] in OPENING
            if _is_name(word) and (not opens or _is_name(follows)):
                run.append(word)
                continue
            if run:
                yield run
            run = []
        if run:
            yield run


def _is_name(word: str) -> bool:
    """Whether a word may be a name: one capital, so that acronyms (UN: 国連) are none."""
    inner = word[1:].removesuffix("s")
    if len(word) < MIN_NAME or not word[0].isupper() or inner.isupper() or not word.isalpha():
        return False
    return word.casefold() not in translated_capitals()


def _strip(word: str) -> str:
    return re.sub(r"['’]s?$", "", word.rstrip(".'’"))


def _is_written(name: str, plain: str, target: str) -> bool:
    """Whether a name stands in a text's plain letters, as it is or with another ending."""
    wanted = _plain(name)
    if wanted in plain:
        return True
    return target != "ja" and len(wanted) > STEM and wanted[: max(STEM, len(wanted) - 2)] in plain


def _lost_from_japanese(source: str, text: str, plain: str) -> Iterator[str]:
    for word in LATIN_WORD.findall(SKIPPED.sub(" ", unicodedata.normalize("NFKC", source))):
        if len(word) >= MIN_JAPANESE_WORD and _plain(word) not in plain:
            yield word
    common = translated_capitals()
    capitals = {word for word in WORD.findall(text) if word[0].isupper()}
    words = {word for word in capitals if word.casefold() not in common}
    for run in {
        *PERSON.findall(source),
        *(run for run in KATAKANA_RUN.findall(source) if "・" in run),
    }:
        pieces = [piece for piece in re.split(r"[・=＝゠ -]", run) if len(piece) > 1]
        if pieces and not any(may_spell(word, piece) for word in words for piece in pieces):
            yield run


def _plain(text: str) -> str:
    """Return letters and digits alone, without marks; Müller and Mueller agree."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(STRUCK))
    letters = "".join(one for one in folded if one.isalnum())
    return re.sub(r"([aou])e", r"\1", letters)
