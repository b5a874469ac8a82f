"""When two values of a field are the same: in the form and by the folding of the task itself.

Text is compared after NFKC, case folding and white-space folding, numbers as numbers, dates as
days, money as amount and currency (a gold amount without currency agrees with any), lists as sets.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from jobs.spec import FieldSpec
from jobs.tasks.folding import fold
from jobs.tasks.numbers import find_numbers
from jobs.tasks.values import Source, fits, settle

NOWHERE: Final = Source("")
"""Values are only brought into their form; where they stand in a text does not matter here."""
ANY_CURRENCY: Final = ""
GROUPED: Final = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
"""1,200 is twelve hundred in gold, though a text's 1,200 might be one and a bit."""
FALSE_AND_TRUE: Final = {
    "false": False,
    "no": False,
    "0": False,
    "true": True,
    "yes": True,
    "1": True,
}


def canonical(field: FieldSpec, value: Any) -> Hashable:
    """Return a value in the form in which equal values are equal; None for nothing.

    Raises ValueError for what the field's type cannot hold.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    kind: str = field.type
    if kind == "record":
        return _record(getattr(field, "fields", ()), value)
    if kind == "money" and not isinstance(value, dict):
        return (_number(value), ANY_CURRENCY)
    if kind in ("integer", "number"):
        return _number(value)
    if kind == "boolean" and isinstance(value, str):
        value = FALSE_AND_TRUE[fold(value).text.strip()] if _is_truth(value) else value
    if kind == "money":
        value = {name: str(part) for name, part in value.items()}
    if not fits(field, value):
        raise ValueError(kind)
    settled = settle(field, value, NOWHERE)
    if settled.problem == "value_off_type":
        raise ValueError(kind)
    if kind == "money":
        return (Decimal(settled.value["amount"]), str(settled.value["currency"]))
    return _plain(settled.value)


def _record(fields: Sequence[FieldSpec], value: Any) -> Hashable:
    """Return a record of a list by the values of its own fields; what is silent is null."""
    if not isinstance(value, Mapping):
        raise ValueError("record")
    parts: list[tuple[str, Hashable]] = []
    for field in fields:
        inner = value.get(field.name)
        if str(field.type) == "list":
            item = getattr(field, "item", field)
            parts.append((field.name, tuple(canonical(item, one) for one in inner or ())))
        else:
            parts.append((field.name, canonical(field, inner)))
    return tuple(parts)


def is_same(gold: Hashable, answer: Hashable) -> bool:
    """Whether two canonical values agree."""
    if isinstance(gold, tuple) and isinstance(answer, tuple) and gold[1:] == (ANY_CURRENCY,):
        return bool(gold[0] == answer[0])
    return gold == answer


def _is_truth(value: str) -> bool:
    return fold(value).text.strip() in FALSE_AND_TRUE


def _number(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise ValueError("number")
    if isinstance(value, int | float):
        return Decimal(str(value)).normalize()
    text = fold(str(value)).text.strip()
    try:
        return Decimal(text).normalize()
    except ArithmeticError:
        pass
    found = find_numbers(text)
    if len(found) == 1 and len(found[0].values) == 1:
        return next(iter(found[0].values)).normalize()
    grouped = GROUPED.findall(text)
    if len(found) != 1 or len(grouped) != 1:
        raise ValueError("number")
    return Decimal(grouped[0].replace(",", "")).normalize()


def _plain(value: Any) -> Hashable:
    """Return a string, number or truth in the form in which it is compared."""
    if isinstance(value, str):
        return fold(value).text.strip()
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return Decimal(str(value)).normalize()
    raise ValueError(type(value).__name__)
