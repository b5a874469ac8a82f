"""The data dictionary: it says of every view and column what it is, and its pages are current."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import inspect, text

from jobs.dictionary import FILE_NAMES, TYPES, main, read_dictionary, write_page
from jobs.store import Database
from jobs.views import VIEWS
from jobs.words import LANGUAGES, Language

FOLDER: Final = Path(__file__).parent.parent.parent / "examples" / "analysts"
POSTGRES: Final[Mapping[str, set[str]]] = {
    "text": {"TEXT", "VARCHAR"},
    "integer": {"INTEGER", "BIGINT"},
    "real": {"DOUBLE PRECISION", "DOUBLE_PRECISION"},
    "money": {"NUMERIC"},
    "json": {"JSONB"},
    "time": {"TIMESTAMP"},
    "day": {"DATE"},
}


def test_every_column_of_every_view_has_words(database: Database) -> None:
    """The dictionary holds exactly the columns there are, in their order, in two languages."""
    known = read_dictionary()
    assert list(known) == list(VIEWS)
    with database.read() as connection:
        for name, view in known.items():
            found = list(connection.execute(text(f"SELECT * FROM {name}")).keys())  # noqa: S608 - ours
            assert [column.name for column in view.columns] == found
            for column in view.columns:
                assert column.type in TYPES
                assert all(column.words[language] for language in LANGUAGES)
            assert all(view.words[language] for language in LANGUAGES)


def test_types_are_those_of_postgres(database: Database) -> None:
    """The type said of a column is the one that PostgreSQL has; SQLite's views have none."""
    if database.dialect == "sqlite":
        return
    with database.read() as connection:
        look = inspect(connection)
        for name, view in read_dictionary().items():
            types = {one["name"]: str(one["type"]) for one in look.get_columns(name)}
            for column in view.columns:
                found = types[column.name].split("(")[0]
                assert found in POSTGRES[column.type], f"{name}.{column.name}: {found}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_up_to_date(language: Language, tmp_path: Path) -> None:
    """The pages are what `python -m jobs.dictionary` writes."""
    main(tmp_path)
    written = (tmp_path / FILE_NAMES[language]).read_text(encoding="utf-8")
    assert written == write_page(language)
    there = (FOLDER / FILE_NAMES[language]).read_text(encoding="utf-8")
    assert there == written, "run: python -m jobs.dictionary examples/analysts"
