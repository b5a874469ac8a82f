"""A first spec for a file: proposed from its columns, commented for the person who goes on."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from types import MappingProxyType
from typing import Final, Literal

from jobs.source.columns import normalise
from jobs.source.look import Column
from jobs.words import Language, say

Kind = Literal["classify", "extract", "translate", "summarize"]
KINDS: Final[tuple[Kind, ...]] = ("classify", "extract", "translate", "summarize")
ID_NAME: Final = re.compile(r"(^|.*[_\-. ])(id|no|key|number)$|.*(番号|コード|識別子)$")
ID_RECORDS: Final = 100
LABEL_NAMES: Final = frozenset(
    {
        "label", "category", "class", "intent", "topic", "type", "kind",
        "ラベル", "分類", "カテゴリ", "カテゴリー", "区分", "種別", "種類",
    }
)  # fmt: skip
LABELS_MAX: Final = 30
LABEL_CHARS_MAX: Final = 40
NAME_CHARS_MAX: Final = 64
EXTRACT_TEXT: Final = "AB-1234, 2026-04-30"


@dataclass(frozen=True, slots=True)
class Guess:
    """What the columns seem to be; `labels` are the distinct values of `label`."""

    text: str
    id: str | None
    label: str | None = None
    labels: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    records: str | None = None
    """In a JSON file, where its list of records stands."""


def guess_columns(columns: Sequence[Column]) -> Guess:
    """Return the likely roles: the text has the longest mean, an id its name or no repeats.

    A column named like an id is one even with repeats: loading tells them as rejects.
    """
    named = [column for column in columns if ID_NAME.fullmatch(normalise(column.name))]
    texts = [column for column in columns if column not in named] or columns
    text = max(texts, key=lambda column: fmean(map(len, column.cells)) if column.cells else 0.0)
    left = [column for column in columns if column is not text]
    named = [column for column in named if column is not text]
    unique = [column for column in left if _is_unique(column.cells[:ID_RECORDS])]
    found = next(iter([*named, *unique]), None)
    left = [column for column in left if column is not found]
    alike = sorted(filter(_is_label_like, left), key=lambda one: not _is_label_name(one.name))
    label = next(iter(alike), None)
    return Guess(
        text=text.name,
        id=found.name if found else None,
        label=label.name if label else None,
        labels=tuple(sorted({cell.strip() for cell in label.cells})) if label else (),
        others=tuple(column.name for column in left),
    )


def _is_unique(cells: Sequence[str]) -> bool:
    stripped = [cell.strip() for cell in cells]
    return bool(stripped) and all(stripped) and len(set(stripped)) == len(stripped)


def _is_label_name(name: str) -> bool:
    return normalise(name) in LABEL_NAMES


def _is_label_like(column: Column) -> bool:
    """Few short words that repeat; numbers and empty cells are no labels."""
    values = {cell.strip() for cell in column.cells}
    if not 2 <= len(values) <= LABELS_MAX or len({normalise(one) for one in values}) < len(values):
        return False
    if not _is_label_name(column.name) and len(values) * 2 > len(column.cells):
        return False
    return all(
        value and len(value) <= LABEL_CHARS_MAX and value.isprintable() and not _is_number(value)
        for value in values
    )


def _is_number(text: str) -> bool:
    return not any(character.isalpha() for character in text)


def name_spec(stem: str) -> str:
    """Return a spec's name made of a file's."""
    return re.sub(r"[^\w-]+", "-", stem).strip("-_")[:NAME_CHARS_MAX] or "spec"


def write_draft(name: str, guess: Guess, kind: Kind, language: Language) -> str:
    """Return the text of a spec with a comment above every key."""

    def comment(code: str, **params: object) -> str:
        return f"# {say(code, language, **params)}"

    lines = [
        comment("draft_title"),
        "",
        comment("draft_name"),
        f"name = {_quote(name)}",
        comment("draft_zone"),
        '# timezone = "Asia/Tokyo"',
        "",
        "[task]",
        comment("draft_kind"),
        f"kind = {_quote(kind)}",
        comment("draft_long"),
        'long_input = "refuse"',
        *_TASK_LINES[kind](guess, language),
        "",
        "[input]",
        *(
            []
            if guess.records is None
            else [comment("draft_records"), f"records = {_quote(guess.records)}"]
        ),
        *(
            [comment("draft_no_id")]
            if guess.id is None
            else [comment("draft_id"), f"id = {_quote(guess.id)}"]
        ),
        comment("draft_text"),
        f"text = {_quote(guess.text)}",
        comment("draft_keep"),
        f"{'' if guess.others else '# '}keep = {_quote_all(guess.others)}",
        "",
        "[route]",
        comment("draft_tiers"),
        'tiers = ["smollm2-135m"]',
        comment("draft_cloud"),
        'cloud = "none"',
        comment("draft_complexity"),
        "# complexity = 4",
        "",
        "[gate]",
        comment("draft_gate"),
        'mode = "keep_all"',
        "",
        "[policy]",
        comment("draft_policy"),
        'data_class = "local_only"',
        "",
    ]
    return "\n".join(lines)


def _classify(guess: Guess, language: Language) -> list[str]:
    more = [
        *_offer("draft_multi_label", "multi_label = true", language),
        *_offer("draft_other", "other = true", language),
        *_offer("draft_calibration", 'calibration = "batch"', language),
        *_offer_example(_quote(guess.labels[0] if guess.labels else "refund"), language),
    ]
    if not guess.labels:
        return [f"# {say('draft_labels_missing', language)}", "labels = []", *more]
    said = say("draft_labels", language, column=guess.label)
    labels = ["labels = [", *(f"  {_quote(label)}," for label in guess.labels), "]"]
    return [f"# {said}", *labels, *more]


def _extract(_: Guess, language: Language) -> list[str]:
    return [
        f"# {say('draft_fields', language)}",
        "# [task.fields.due_date]",
        '# type = "date"',
        '# description = "..."',
        f"# {say('draft_list', language)}",
        "# [task.fields.codes]",
        '# type = "list"',
        '# items = "string"',
        f"# {say('draft_pattern', language)}",
        "# pattern = '[A-Z]{2}-[0-9]{4}'",
        *_offer_example('{ due_date = "2026-04-30", codes = ["AB-1234"] }', language, EXTRACT_TEXT),
    ]


def _translate(guess: Guess, language: Language) -> list[str]:
    column = _quote(next(iter(guess.others), "language"))
    return [
        f"# {say('draft_target', language)}",
        f"target_language = {_quote(language)}",
        *_offer("draft_target_column", f"target_language_column = {column}", language),
        *_offer("draft_glossary", 'glossary = "terms.csv"', language),
        *_offer_example('"..."', language),
    ]


def _summarize(guess: Guess, language: Language) -> list[str]:
    column = _quote(next(iter(guess.others), "focus"))
    return [
        f"# {say('draft_summary', language)}",
        'language = "auto"',
        "max_sentences = 3",
        *_offer("draft_form", 'form = "prose"', language),
        *_offer("draft_focus", f"focus_column = {column}", language),
        *_offer_example('["..."]', language),
    ]


def _offer(code: str, line: str, language: Language) -> list[str]:
    """Return a key that may be taken, as a comment below the words that say what it does."""
    return [f"# {say(code, language)}", f"# {line}"]


def _offer_example(answer: str, language: Language, text: str = "...") -> list[str]:
    """Return an example as a comment; it is a table, so it stands behind the task's keys."""
    table = ["# [[task.examples]]", f"# text = {_quote(text)}", f"# answer = {answer}"]
    return [f"# {say('draft_examples', language)}", *table]


_TASK_LINES: Final[Mapping[Kind, Callable[[Guess, Language], list[str]]]] = MappingProxyType(
    {
        "classify": _classify,
        "extract": _extract,
        "translate": _translate,
        "summarize": _summarize,
    }
)


def _quote(text: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _quote_all(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quote, texts))}]"
