"""A name in Latin letters is recognised in katakana by its consonants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.tasks.transliteration import may_spell


@pytest.mark.parametrize(
    ("name", "katakana"),
    [
        ("Kavanaugh", "カバノー"),
        ("Kavanaugh", "カヴァノー"),
        ("Campbell", "キャンベル"),
        ("Carter", "カーター"),
        ("Schwarzenegger", "シュワルツェネッガー"),
        ("Michael", "マイケル"),
        ("Louis", "ルイ"),
        ("Bordeaux", "ボルドー"),
        ("Philadelphia", "フィラデルフィア"),
        ("Müller", "ミュラー"),
        ("Johnson", "ドナルド・ジョンソン"),
        ("Washington", "ワシントン"),
    ],
)
def test_a_name_is_found_in_its_spellings(name: str, katakana: str) -> None:
    """Vowels, doubled letters and silent ones are spelled freely."""
    assert may_spell(name, f"昨日、{katakana}氏が話した。") is True


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Kavanaugh", "昨日、トランプ氏が話した。"),
        ("Johnson", "ハミルトンが勝った。"),
        ("Washington", "カリフォルニアのホテル"),
        ("Doyle", "エグゼクティブディレクター"),
        ("Michael", "昨日、彼が話した。"),
    ],
)
def test_other_katakana_is_not_the_name(name: str, text: str) -> None:
    """Another name, or a few of its sounds inside a long word, does not count."""
    assert may_spell(name, text) is False


def test_katakana_that_another_word_spells_better_is_that_words() -> None:
    """シンボル has the sounds of Snoop; beside the word symbol it is symbol's."""
    assert may_spell("Snoop", "彼はシンボルに改名した") is True
    assert may_spell("Snoop", "彼はシンボルに改名した", ["symbol", "changed"]) is False


def test_a_name_without_consonants_cannot_be_told() -> None:
    """Nothing is said about what cannot be compared."""
    assert may_spell("Aoi", "葵さん") is None


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_name_and_text_can_be_compared(name: str, text: str) -> None:
    """Whatever the letters are, there is an answer."""
    assert may_spell(name, text) in (True, False, None)
