"""Latin names: capitalised words and acronyms of a summary that its source has in no form."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from jobs.tasks.folding import fold
from jobs.tasks.function_words import tell_language
from jobs.tasks.name_words import ALIASES, OPENERS, ORDINARY, TAILS
from jobs.tasks.named import MIN_STEM, WORD, Known

TOKEN: Final = re.compile(r"(?<!\w)[^\W\d_](?:[\w]|[.'’&-](?=\w))*")
START: Final = re.compile(r"(?:^|[.!?:;…。！？\n]['\"”’)\]]*)\s*(?:[-*•・(\"'“‘\[#]|\d+[.)])*\s*$")
NAME: Final = re.compile(r"(?=[A-Z\u00c0-\u00de])[^\W\d_](?:[^\W\d_]|[.'’&-])+")
"""A word that begins with a capital; one with digits is a matter of numbers."""
ROMAN: Final = re.compile(r"[IVX]+")
HEADING: Final = re.compile(r"[A-Z/ &]*:")
POSSESSIVE: Final = re.compile(r"['’](?:s|re|ll|ve|d|m|t)?$|['’]s$")
SPEAKS: Final = re.compile(
    r"\s+(?:(?:also|then|first|just|only|really|even|later|finally|further|already|still) )?"
    r"(?:said|says|thought|thinks|told|asked|asks|felt|wanted|wants|knew|spoke|went|came|took|gave"
    r"|brought|argued|proposed|suggested|believed|explained|agreed|disagreed|mentioned|stated"
    r"|added|replied|answered|claimed|emphasi[sz]ed|stressed|introduced|recommended|preferred"
    r"|decided|planned|insisted|hoped|liked|disliked|worried|complained|promised|refused|offered"
    r"|talked|joined|called|asserted|remarked|questioned|objected|conceded|commented|proposes"
    r"|suggests|believes|explains|agrees|argues|prefers|hopes|states|lives|works|moved)\b"
)
"""What only people do, so that the first word of a sentence is a name."""
NOUN_END: Final = re.compile(r"(?:s|ing|ly|ion|ment|ness|ity|ance|ence|ism|ure|age|ology|ia|sis)$")


def find_lost_latin(summary: str, known: Known) -> Iterator[str]:
    """Yield the capitalised words and acronyms that the source has not."""
    if _has_no_case(summary) or _capitalises_nouns(known.source):
        return
    tokens = list(TOKEN.finditer(summary))
    acronyms = any(known.acronyms)
    for number, match in enumerate(tokens):
        word = POSSESSIVE.sub("", match[0])
        if not NAME.fullmatch(word) or (_is_capital(word) and not acronyms):
            continue
        if word.casefold() in ORDINARY or ROMAN.fullmatch(word) or _in_title(summary, match):
            continue
        if word.isupper() and HEADING.match(summary, match.end()):
            continue
        opens = START.search(summary[max(0, match.start() - 40) : match.start()]) is not None
        follower = tokens[number + 1] if number + 1 < len(tokens) else None
        if opens and not _opens_as_name(word, summary, match, follower):
            continue
        if not _stands(word, known) and not _is_initial_of(tokens, number, known):
            yield word


def _is_capital(word: str) -> bool:
    """Whether a word is in capitals, but for the s of more than one."""
    return word.removesuffix("s").isupper()


def _has_no_case(text: str) -> bool:
    letters = [character for character in text if character.isalpha() and character.isascii()]
    return sum(map(str.isupper, letters)) > len(letters) / 2


def _capitalises_nouns(source: str) -> bool:
    """Whether a text is in German, where a capital shows no name."""
    if tell_language(source) == "de":
        return True
    found = re.findall(r"\b(?:und|der|die|das|nicht|ist|mit|ein|eine|zu|auf|für|wir|ich)\b", source)
    return len(set(found)) >= 3 and len(found) > len(WORD.findall(source)) / 20


def _in_title(summary: str, match: re.Match[str]) -> bool:
    """Whether a word stands in a line of capitalised words: Key Points From The Meeting."""
    start = summary.rfind("\n", 0, match.start()) + 1
    end = summary.find("\n", match.end())
    return _is_title(summary[start : end if end >= 0 else len(summary)])


@lru_cache(maxsize=8)  # all words of a line ask for the same
def _is_title(line: str) -> bool:
    words = [word for word in TOKEN.findall(line) if len(word) > 3]
    return len(words) >= 4 and all(word[0].isupper() for word in words)


def _opens_as_name(
    word: str, summary: str, match: re.Match[str], follower: re.Match[str] | None
) -> bool:
    """Whether the first word of a sentence is written as only names are."""
    if word.casefold() in OPENERS or _is_capital(word):
        return False
    if follower is not None and summary[match.end() : follower.start()] == " ":
        after = follower[0]
        if after[0].isupper() and not after.isupper() and after.casefold() not in ORDINARY:
            return not NOUN_END.search(word)
    return not NOUN_END.search(word) and SPEAKS.match(summary, match.end()) is not None


def _stands(word: str, known: Known) -> bool:
    plain = fold(word).text
    parts = [part for part in WORD.findall(plain) if part not in ORDINARY]
    if all(_stands_plain(part, known) for part in parts):
        return True
    if any(alias in known.folded for alias in ALIASES.get(plain, ())):
        return True
    letters = "".join(parts)
    if _is_capital(word) or len(letters) <= MIN_STEM:
        return _is_acronym(letters.removesuffix("s"), known)
    return letters in known.compact


def _stands_plain(word: str, known: Known) -> bool:
    if word in known.vocabulary or word.removesuffix("s") in known.vocabulary:
        return True
    if len(word) < MIN_STEM:
        return False
    return any(_inflects(word, other) for other in known.stems.get(word[:MIN_STEM], ()))


def _inflects(word: str, other: str) -> bool:
    """Whether two words differ in their endings only."""
    same = next(
        (at for at, (one, two) in enumerate(zip(word, other, strict=False)) if one != two),
        min(len(word), len(other)),
    )
    return any(
        word[cut:] in TAILS and other[cut:] in TAILS for cut in range(same, MIN_STEM - 1, -1)
    )


def _is_acronym(letters: str, known: Known) -> bool:
    """Whether letters are spelled out in the source, or are the initials of its words."""
    return (
        letters in known.spelled
        or letters in known.initials
        or (len(letters) >= 3 and letters in known.compact)
    )


def _is_initial_of(tokens: list[re.Match[str]], number: int, known: Known) -> bool:
    """Whether a word belongs to a name that the source has by its initials: CFO, U.N."""
    words = [token[0] for token in tokens]
    for start in range(max(0, number - 5), number + 1):
        for end in range(number + 1, min(len(words), start + 6) + 1):
            part = [one for one in words[start:end] if one.casefold() not in ORDINARY]
            letters = "".join(one[0] for one in part)
            known_short = letters in known.acronyms or letters.casefold() in known.spelled
            if len(part) >= 2 and letters.isupper() and known_short:
                return True
    return False
