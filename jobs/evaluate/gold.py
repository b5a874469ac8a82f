"""The right answers, as the gold column has them.

Accepted, by task:

- classify: a label; with `multi_label` a JSON list of labels (`[]` for none), labels parted by
  `|`, or one label. An object `{"label": ...}` or `{"labels": [...]}` is read as well. With
  `other = true` the word `other`, or the value named by `--gold-other`, is "none of these".
- extract: a JSON object, one member for each field; what is missing is null. A list for a field
  that takes one value holds the spellings that are right (an empty one is null); for a list
  field it is the list. Members that are no field of the spec are not looked at.
- translate: the text. summarize: the text, or a JSON list of points.

What cannot be read is a `GoldError`: the row is named and not scored. A label that the spec
does not have is read as it is (the row is wrong) and named too.
"""

import json
import unicodedata
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.evaluate.equality import canonical
from jobs.spec import ClassifyTask, ExtractTask, FieldSpec

OTHER: Final = "other"
"""How "none of the labels" is called here."""


class GoldError(Exception):
    """A gold value that cannot be read; `code` is that of its words."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with the gold value of a row; never the value itself."""

    row_number: int
    source_id: str
    code: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a spec, found by their names after NFKC; `gold_other` means none of them."""

    names: Mapping[str, str]
    other: bool = False
    gold_other: str | None = None

    def find(self, text: str) -> str:
        """Return the label of a name; a name that is none stays as it is."""
        plain = plain_label(text)
        if self.gold_other is not None and plain == plain_label(self.gold_other):
            return OTHER
        return self.names.get(plain, plain)

    def has(self, label: str) -> bool:
        """Whether the spec can answer this label."""
        return label in self.names.values() or (self.other and label == OTHER)


def plain_label(text: str) -> str:
    """Return a label's name in the form in which names are compared."""
    return unicodedata.normalize("NFKC", text).strip()


def labels_of(task: ClassifyTask, gold_other: str | None = None) -> Labels:
    """Return the labels of a task."""
    names = {plain_label(label.name): label.name for label in task.labels}
    return Labels(names, bool(getattr(task, "other", False)), gold_other)


def read_labels(text: str, labels: Labels, *, multi: bool) -> frozenset[str]:
    """Return the gold labels: one, or any number of them with `multi`."""
    whole = labels.find(text)
    known = labels.has(whole)  # also where the name begins with a bracket or has a bar in it
    found = [whole] if known else _split_labels(text.strip(), multi=multi)
    if not multi and len(found) != 1:
        raise GoldError("gold_not_one_label")
    return name_labels(found, labels, multi=multi)


def name_labels(found: Iterable[str], labels: Labels, *, multi: bool) -> frozenset[str]:
    """Return the labels of names; of several "none of these" is the empty set."""
    named = frozenset(labels.find(one) for one in found)
    return named - {OTHER} if multi and labels.other else named


def _split_labels(text: str, *, multi: bool) -> list[str]:
    if text[:1] in ("{", "["):
        data = _load(text)
        if isinstance(data, dict):
            data = data.get("labels", data.get("label"))
        data = [data] if isinstance(data, str) else data
        if not isinstance(data, list) or not all(isinstance(one, str) for one in data):
            raise GoldError("gold_not_labels")
        return data
    if not text:
        raise GoldError("gold_missing")
    return [one for part in text.split("|") if (one := part.strip())] if multi else [text]


def read_fields(text: str, task: ExtractTask) -> dict[str, tuple[Hashable, ...]]:
    """Return for each field the right values in canonical form.

    A field of one value has every right spelling, none where null is right; a list field has
    the members of its list.
    """
    if not text.strip():
        raise GoldError("gold_missing")
    data = _load(text)
    if not isinstance(data, dict):
        raise GoldError("gold_not_object")
    if data and not any(field.name in data for field in task.fields):
        raise GoldError("gold_fields_unknown")
    return {field.name: read_field(field, data.get(field.name)) for field in task.fields}


def read_field(field: FieldSpec, value: Any) -> tuple[Hashable, ...]:
    """Return one field's right values; raises GoldError for a value its type cannot hold."""
    values = value if isinstance(value, list) else [value]
    try:
        found = [canonical(_item_of(field), one) for one in values]
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise GoldError("gold_value_wrong", field=field.name) from error
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _item_of(field: FieldSpec) -> FieldSpec:
    """Return what one member of a list field is; any other field is its own."""
    if str(field.type) != "list":
        return field
    item: FieldSpec = getattr(field, "item", field)
    return item


def read_text(text: str) -> str:
    """Return the gold text of a translation."""
    if not text.strip():
        raise GoldError("gold_missing")
    return text.strip()


def read_summary(text: str) -> str:
    """Return the gold text of a summary; points stand on lines of their own."""
    if text.strip()[:1] != "[":
        return read_text(text)
    try:
        data: Any = json.loads(text)
    except ValueError:
        return read_text(text)  # a text may begin with a bracket
    if not isinstance(data, list) or not all(isinstance(one, str) for one in data):
        return read_text(text)
    return read_text("\n".join(data))


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GoldError("gold_not_json") from error


def count_codes(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how often each finding occurs."""
    counts: dict[str, int] = {}
    for one in findings:
        counts[one.code] = counts.get(one.code, 0) + 1
    return counts
