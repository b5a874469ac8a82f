"""The table of a translation: its languages, the column of the rows' ones, examples."""

from typing import Any

import pytest

from jobs.errors import SpecError
from jobs.spec import TranslateTask, parse_spec


def parse(lines: str) -> TranslateTask:
    spec = parse_spec(
        f'name = "t"\n[input]\ntext = "t"\n[task]\nkind = "translate"\n{lines}', "s.toml"
    )
    assert isinstance(spec.task, TranslateTask)
    return spec.task


def complain(lines: str) -> dict[str, Any]:
    with pytest.raises(SpecError) as caught:
        parse(lines)
    return {"code": caught.value.code, **caught.value.params}


def test_languages_are_held_by_their_codes() -> None:
    """A name means its code: the same spec, the same hash."""
    by_name = parse('target_language = "Brazilian Portuguese"\nsource_language = "日本語"')
    assert (by_name.target_language, by_name.source_language) == ("pt-BR", "ja")
    assert by_name == parse('target_language = "pt-br"\nsource_language = "ja"')


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        ('target_language = "jp"', "task.target_language", "did you mean ja (Japanese)?"),
        ('target_language = "xx"', "task.target_language", "give its code"),
        (
            'target_language = "de"\nsource_language = "Englsh"',
            "task.source_language",
            "en (English)",
        ),
        ('target_language = "de"\nsource_language = "German"', "task", "are the same"),
    ],
)
def test_an_unknown_language_is_refused_with_near_misses(lines: str, key: str, words: str) -> None:
    """`spec check` names the key and what may have been meant, not what was written."""
    found = complain(lines)
    assert (found["code"], found["key"]) == ("spec_value_wrong", key)
    assert words in found["problem"]


def test_one_of_language_and_column_is_needed() -> None:
    """A spec names a language, or the column of the rows' languages, or both."""
    found = complain("")
    assert (found["code"], found["key"]) == ("spec_key_missing", "task.target_language")
    assert parse('target_language = "ja"').columns == ()
    assert parse('target_language_column = "to"').columns == ("to",)


def test_the_column_decides_and_the_language_stands_in_for_blanks() -> None:
    """With both a blank cell takes the spec's language; without one it is a problem of the row."""
    own, both = (
        parse('target_language_column = "to"'),
        parse('target_language_column = "to"\ntarget_language = "en"'),
    )
    for cell, code in (
        ("ja", "ja"),
        (" Ｇｅｒｍａｎ ", "de"),
        ("韓国語", "ko"),
        ("PT_br", "pt-BR"),
    ):
        assert own.find_row_problem({"to": cell}) is None
        assert own.language_of({"to": cell}) == both.language_of({"to": cell}) == code
    missing, unknown = (
        ("language_missing", {"column": "to"}),
        ("language_unknown", {"column": "to"}),
    )
    assert own.find_row_problem({"to": " 　"}) == own.find_row_problem({}) == missing
    assert both.find_row_problem({"to": ""}) is None
    assert both.language_of({}) == "en"
    assert own.find_row_problem({"to": "jp"}) == both.find_row_problem({"to": "jp"}) == unknown
    with pytest.raises(ValueError, match="no language"):
        own.language_of({"to": "jp"})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            (
                'target_language = "ja"\n'
                'examples = [{ text = "a", answer = "b" }, { text = "a", answer = " " }]'
            ),
            "example 2 has an empty",
        ),
        (
            'target_language_column = "to"\nexamples = [{ text = "a", answer = "b" }]',
            "example 1 names no target_language",
        ),
        (
            (
                'target_language = "ja"\n'
                'examples = [{ text = "a", answer = "b", target_language = "de" }]'
            ),
            "example 1 is in another",
        ),
    ],
)
def test_an_example_that_fits_no_row_is_refused(lines: str, words: str) -> None:
    """What is wrong with an example is said by its number, never by its content."""
    assert words in complain(lines)["problem"]
