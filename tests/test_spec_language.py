"""Languages are known by code or name, however spelled; others are refused with near misses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec.language import (
    base_language,
    find_language,
    name_language,
    read_language,
    script_of,
    suggest_languages,
)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("ja", "ja"),
        (" JA ", "ja"),
        ("ｊａ", "ja"),
        ("Japanese", "ja"),
        ("日本語", "ja"),
        ("ドイツ語", "de"),
        ("Deutsch", "de"),
        ("한국어", "ko"),
        ("中文", "zh"),
        ("jpn", "ja"),
        ("pt_br", "pt-BR"),
        ("PT-BR", "pt-BR"),
        ("Brazilian Portuguese", "pt-BR"),
        ("zh-hant", "zh-Hant"),
        ("繁体字中国語", "zh-Hant"),
        ("中国語（簡体字）", "zh-Hans"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("es-419", "es-419"),
    ],
)
def test_a_language_is_found_by_code_or_name(written: str, code: str) -> None:
    """Case, width, underscores and the tongue of a name do not matter; the code is BCP 47's."""
    assert find_language(written) == code
    assert read_language(written) == code
    assert find_language(code) == code


@pytest.mark.parametrize(
    "written", ["", " ", "xx", "jp", "japnese", "en-XX", "zxx", "und", "ja-", "3"]
)
def test_what_is_no_language_is_not_found(written: str) -> None:
    """Country codes, misspellings, unknown regions and the codes for no language are unknown."""
    assert find_language(written) is None
    with pytest.raises(ValueError, match="no language that is known"):
        read_language(written)


@pytest.mark.parametrize(
    ("written", "first"),
    [
        ("jp", "ja"),
        ("cn", "zh"),
        ("japnese", "ja"),
        ("Germn", "de"),
        ("en-XX", "en"),
        ("フランス", "fr"),
    ],
)
def test_near_misses_are_suggested(written: str, first: str) -> None:
    """A country's code leads to its language, a misspelling to the nearest name."""
    assert suggest_languages(written)[0] == first
    with pytest.raises(ValueError, match=rf"did you mean {first} \("):
        read_language(written)


def test_names_and_scripts() -> None:
    """A code has a name in English and in Japanese, and the script it is written in."""
    assert name_language("de") == ("German", "ドイツ語")
    assert name_language("pt-BR") == ("Brazilian Portuguese", "ポルトガル語 (ブラジル)")
    assert name_language("zh-TW") == ("Chinese (Taiwan)", "中国語 (台湾)")
    assert [script_of(code) for code in ("ja", "ru", "sr-Latn", "zh-TW", "tlh")] == [
        "Jpan", "Cyrl", "Latn", "Hant", "",
    ]  # fmt: skip
    assert base_language("zh-Hans-CN") == "zh"


@given(st.text(max_size=20))
def test_any_text_is_a_language_or_none(written: str) -> None:
    """Whatever stands in a cell, there is a code that is found again and has names, or none."""
    code = find_language(written)
    if code is None:
        assert all(find_language(one) == one for one in suggest_languages(written))
    else:
        assert find_language(code) == code
        assert all(name_language(code))
