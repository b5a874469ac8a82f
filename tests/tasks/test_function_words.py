"""Languages in Latin letters are told by their small words, or not at all."""

import pytest
from hypothesis import given

from jobs.tasks.function_words import SMALL, tell_language
from tests.tasks.making import ANY_TEXT


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The shelves that we ordered are on their way to the shop.", "en"),
        ("Die Regale, die wir bestellt haben, sind auf dem Weg zum Laden.", "de"),
        ("Les étagères que nous avons commandées sont en route pour le magasin.", "fr"),
        ("Las estanterías que pedimos para la tienda no están en el almacén.", "es"),
        ("Negative for fever, cough, chest pain.", None),
        ("Windows 11, Excel, PDF", None),
        ("棚は火曜日に届く。", None),
        ("", None),
    ],
)
def test_small_words_tell_the_language(text: str, language: str | None) -> None:
    """A text without enough of them is in no language that could be told."""
    assert tell_language(text) == language


@given(ANY_TEXT)
def test_any_text_has_a_language_or_none(text: str) -> None:
    """Nothing raises."""
    assert tell_language(text) in {None, *SMALL}
