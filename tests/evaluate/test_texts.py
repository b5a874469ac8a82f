"""Translations and summaries: perfect is 1, empty is 0, each language by its own words."""

import pytest

from jobs.evaluate import Wish, evaluate
from jobs.evaluate.texts import text_of
from jobs.evaluate.words_of_texts import PIECE_CHARS, choose_splitter
from tests.evaluate.making import SUMMARIZE, TRANSLATE, make_row, make_spec

JAPANESE = "福島市内の温泉旅館に２泊したいです。"


@pytest.mark.parametrize(
    ("task", "key", "headline"), [(TRANSLATE, "text", "chrf_rows"), (SUMMARIZE, "points", "rougeL")]
)
def test_perfect_and_missing_answers(task: str, key: str, headline: str) -> None:
    """The gold text itself is 1, no answer is 0, the mean is between."""
    said = JAPANESE if key == "text" else [JAPANESE]
    rows = [make_row(1, JAPANESE, {key: said}), make_row(2, JAPANESE, None)]
    found = evaluate(make_spec(task), rows, Wish())
    assert found.measured.headline == headline
    assert [one.score for one in found.measured.scores] == pytest.approx([1.0, 0.0])
    assert [one.right for one in found.measured.scores] == [True, False]
    assert found.measured.figures[headline].value == pytest.approx(0.5)


def test_the_score_from_which_a_text_is_right_is_chosen() -> None:
    """A half-right translation is right or wrong by --bar alone; the figure says which bar."""
    rows = [make_row(1, "猫がいた", {"text": "猫がいる"})]
    spec = make_spec(TRANSLATE)
    low, high = (evaluate(spec, rows, Wish(bar=bar)) for bar in (0.3, 0.9))
    assert [one.measured.scores[0].right for one in (low, high)] == [True, False]
    assert low.measured.scores[0].score == high.measured.scores[0].score
    assert (low.bar, high.bar) == (0.3, 0.9)


def test_chrf_is_that_of_sacrebleu() -> None:
    """A published implementation's value, for the corpus and for each row."""
    rows = [make_row(1, "猫がいた", {"text": "猫がいる"}), make_row(2, "犬", {"text": "犬"})]
    found = evaluate(make_spec(TRANSLATE), rows, Wish())
    assert found.measured.scores[0].score == pytest.approx(0.4791667, abs=1e-6)
    assert found.measured.figures["chrf"].value is not None


def test_japanese_is_cut_into_words() -> None:
    """Short units, without signs; an English answer is cut by the same rules."""
    splitter = choose_splitter(JAPANESE)
    assert splitter.tokenize(JAPANESE) == [
        "福島", "市", "内", "の", "温泉", "旅館", "に", "2", "泊", "し", "たい", "です",
    ]  # fmt: skip
    assert splitter.tokenize("The Cat") == ["the", "cat"]


def test_other_languages() -> None:
    """Chinese by characters, others at what is no letter."""
    assert choose_splitter("他去東京").tokenize("他去了 ABC") == ["他", "去", "了", "abc"]
    assert choose_splitter("Grüße").tokenize("Grüße, l'été!") == ["grüsse", "l", "été"]
    assert choose_splitter("안녕 하세요").tokenize("안녕 하세요") == ["안녕", "하세요"]


def test_a_long_text_is_cut_whole() -> None:
    """Longer than Sudachi takes at once."""
    text = "東京に行く" * (PIECE_CHARS // 2)
    assert len(choose_splitter("かな").tokenize(text)) >= 3 * PIECE_CHARS // 2


def test_a_text_of_an_answer() -> None:
    """A text, points, or nothing."""
    assert text_of({"text": "a"}) == "a"
    assert text_of({"points": ["a", "b"]}) == "a\nb"
    assert text_of(None) == ""
