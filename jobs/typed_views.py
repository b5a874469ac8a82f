"""Typed views: for each extract spec a view with one typed column per field. Pure: SQL as text.

A value that is not of its field's type (rows of an older spec, a correction) is NULL, never an
error: one row must not keep the others from being read. `fct_results` holds it as it is.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

NAME_BYTES_MAX: Final = 63
"""PostgreSQL cuts longer names, so that two of them may become one."""
PREFIX: Final = "ext_"
MARK: Final = "made by `sekisho db views`"
MARKED: Final = re.compile(re.escape(MARK) + r" \[([0-9a-f]{16})\]")
KEYS: Final = (
    "batch_id", "row_number", "source_id", "spec_hash", "file_name", "status", "confidence",
    "model", "reason_code", "attributes", "created_at", "updated_at", "finished_at",
)  # fmt: skip
"""Columns of fct_results that stand before the fields."""

INTEGER_MAX: Final = 2**63 - 1
REAL_MAX: Final = "1.7976931348623157e308"
POSTGRES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string": "CASE WHEN jsonb_typeof({at}) = 'string' THEN {at} #>> '{{}}' END",
        "integer": (
            "CASE WHEN jsonb_typeof({at}) = 'number' THEN"
            " CASE WHEN CAST({at} AS NUMERIC) = TRUNC(CAST({at} AS NUMERIC))"
            f" AND ABS(CAST({{at}} AS NUMERIC)) <= {INTEGER_MAX}"
            " THEN CAST(CAST({at} AS NUMERIC) AS BIGINT) END END"
        ),
        "number": (
            "CASE WHEN jsonb_typeof({at}) = 'number' THEN"
            f" CASE WHEN ABS(CAST({{at}} AS NUMERIC)) <= {REAL_MAX}"
            " THEN CAST(CAST({at} AS NUMERIC) AS DOUBLE PRECISION) END END"
        ),
        "amount": (
            "CASE WHEN jsonb_typeof({at} -> 'amount') = 'string'"
            " AND {at} ->> 'amount' ~ '^-?[0-9]{{1,100}}([.][0-9]{{1,100}})?$'"
            " THEN CAST({at} ->> 'amount' AS NUMERIC) END"
        ),
        "currency": (
            "CASE WHEN jsonb_typeof({at} -> 'currency') = 'string' THEN {at} ->> 'currency' END"
        ),
        "date": (
            "CASE WHEN {at} #>> '{{}}' ~"
            " '^(?!0000)[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' THEN"
            " CASE WHEN CAST(substr({at} #>> '{{}}', 9, 2) AS INTEGER) <= EXTRACT(DAY FROM"
            " CAST(substr({at} #>> '{{}}', 1, 7) || '-01' AS DATE) + INTERVAL '1 month'"
            " - INTERVAL '1 day') THEN CAST({at} #>> '{{}}' AS DATE) END END"
        ),
        "boolean": "CASE WHEN jsonb_typeof({at}) = 'boolean' THEN CAST({at} AS BOOLEAN) END",
        "list": "CASE WHEN jsonb_typeof({at}) = 'array' THEN {at} END",
        "record": "CASE WHEN jsonb_typeof({at}) = 'object' THEN {at} END",
        "json": "{at}",
    }
)
SQLITE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string": "CASE WHEN json_type({at}) = 'text' THEN json_extract({at}) END",
        "integer": (
            "CASE WHEN json_type({at}) = 'integer' AND typeof(json_extract({at})) = 'integer'"
            " THEN json_extract({at}) END"
        ),
        "number": (
            "CASE WHEN json_type({at}) IN ('integer', 'real')"
            " THEN CAST(json_extract({at}) AS DOUBLE PRECISION) END"
        ),
        "amount": (
            "CASE WHEN json_type({amount}) = 'text' AND json_extract({amount}) GLOB '*[0-9]'"
            " AND json_extract({amount}) GLOB '[-0-9]*'"
            " AND NOT json_extract({amount}) GLOB '*[^-0-9.]*'"
            " AND NOT json_extract({amount}) GLOB '?*-*'"
            " AND NOT json_extract({amount}) GLOB '*.*.*'"
            " THEN CAST(json_extract({amount}) AS NUMERIC) END"
        ),
        "currency": ("CASE WHEN json_type({currency}) = 'text' THEN json_extract({currency}) END"),
        "date": (
            "CASE WHEN json_type({at}) = 'text'"
            " AND date(json_extract({at}), '+0 days') = json_extract({at})"
            " AND json_extract({at}) > '0001' THEN json_extract({at}) END"
        ),
        "boolean": "CASE WHEN json_type({at}) IN ('true', 'false') THEN json_extract({at}) END",
        "list": "CASE WHEN json_type({at}) = 'array' THEN json_extract({at}) END",
        "record": "CASE WHEN json_type({at}) = 'object' THEN json_extract({at}) END",
        "json": "json_extract({at})",
    }
)
PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{
            name: name
            for name in ("string", "integer", "number", "date", "boolean", "list", "record")
        },
        "enum": "string",
    }
)
"""Type of a field -> how it is read; money is two columns, `amount` and `currency`, lists and
records are JSON as it stands."""
CASTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {"postgresql": POSTGRES, "sqlite": SQLITE}
)


@dataclass(frozen=True, slots=True)
class TypedField:
    """A field of an extract spec; a type that is not known here stays JSON."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class ExtractSpec:
    """The newest spec of a name, as far as its view needs it."""

    name: str
    fields: tuple[TypedField, ...]


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """A column of a typed view: `part` says how it is read, a key of `CASTS`."""

    name: str
    field: TypedField
    part: str


@dataclass(frozen=True, slots=True)
class TypedView:
    """A view of one extract spec."""

    name: str
    spec: ExtractSpec
    columns: tuple[TypedColumn, ...]


def plan_views(specs: Iterable[ExtractSpec]) -> list[TypedView]:
    """Name a view for each spec and a column for each field, the same on both databases.

    Of specs whose names come to the same the first one has it, so that the order should be
    that in which they came: a later one never takes a name away.
    """
    taken: set[str] = set()
    return [
        TypedView(_choose(PREFIX + _slug(spec.name), taken), spec, tuple(_plan_columns(spec)))
        for spec in specs
    ]


def _plan_columns(spec: ExtractSpec) -> Iterator[TypedColumn]:
    taken = set(KEYS)
    for field in spec.fields:
        if field.type != "money":
            yield TypedColumn(_choose(field.name, taken), field, PARTS.get(field.type, "json"))
            continue
        yield TypedColumn(_choose(field.name, taken), field, "amount")
        yield TypedColumn(_choose(f"{field.name}_currency", taken), field, "currency")


def _slug(name: str) -> str:
    """Letters, digits and `_` of a name in lower case, also Japanese ones."""
    return re.sub(r"\W+", "_", name.lower()).strip("_") or "spec"


def _choose(wanted: str, taken: set[str]) -> str:
    """Return a name that fits and differs from those taken, in whatever case it is written."""
    name, number = _cut(wanted), 1
    while name.casefold() in taken:
        number += 1
        end = f"_{number}"
        name = _cut(wanted, NAME_BYTES_MAX - len(end)) + end
    taken.add(name.casefold())
    return name


def _cut(name: str, most: int = NAME_BYTES_MAX) -> str:
    """Cut a name to so many bytes of UTF-8; what was cut off is told apart by its hash."""
    if len(name.encode()) <= most:
        return name
    end = f"_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name.encode()[: most - len(end)].decode(errors="ignore") + end


def create_sql(view: TypedView, dialect: str) -> str:
    """Return the CREATE VIEW statement for one dialect (`sqlite` or `postgresql`)."""
    own = [f"f.{name}" for name in KEYS]
    typed = [f"{_cast(one, dialect)} AS {quote(one.name)}" for one in view.columns]
    select = (
        "\nSELECT " + ",\n       ".join([*own, *typed]) + "\nFROM fct_results f\n"
        f"WHERE f.spec_name = {literal(view.spec.name)} AND f.task = 'extract'\n"
    )
    return f"CREATE VIEW {quote(view.name)} AS /* {mark(select)} */{select}"


def mark(statement: str) -> str:
    """Return what a view of ours is known by; it changes with what the view says."""
    return f"{MARK} [{hashlib.sha256(statement.encode()).hexdigest()[:16]}]"


def comments_sql(view: TypedView, statement: str) -> list[str]:
    """Return the comments PostgreSQL carries; the view's own holds the statement's mark."""
    known = MARKED.search(statement)
    said = f"Extract spec {view.spec.name}, {known[0] if known else MARK}"
    name = quote(view.name)
    return [
        f"COMMENT ON VIEW {name} IS {literal(said)}",
        *(
            f"COMMENT ON COLUMN {name}.{quote(column.name)} IS {literal(_describe(column))}"
            for column in view.columns
        ),
    ]


def _describe(column: TypedColumn) -> str:
    part = f", {column.part}" if column.field.type == "money" else ""
    return f"field {column.field.name} ({column.field.type}{part})"


def _cast(column: TypedColumn, dialect: str) -> str:
    field = column.field.name
    if dialect == "postgresql":
        return CASTS[dialect][column.part].format(at=f"(f.output -> {literal(field)})")
    parts = {name: f"f.output, {_path(field, name)}" for name in ("amount", "currency")}
    return CASTS[dialect][column.part].format(at=f"f.output, {_path(field)}", **parts)


def _path(*names: str) -> str:
    return literal("$" + "".join(f'."{name}"' for name in names))


def quote(name: str) -> str:
    """Return a name as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def views_named(views: Sequence[TypedView]) -> list[dict[str, Any]]:
    """Return the views as plain data, for programs."""
    return [
        {
            "view": view.name,
            "spec_name": view.spec.name,
            "columns": {column.name: _describe(column) for column in view.columns},
        }
        for view in views
    ]
