"""Names are looked for in the forms a translation may give them; others are not judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.tasks.kept_names import find_lost_names


@pytest.mark.parametrize(
    ("code", "source", "text"),
    [
        (
            "ja",
            "Yesterday the manager of the shop, Tom Baker, called Erika Holm.",
            "昨日、店長のトム・ベイカーがエリカ・ホルムに電話した。",
        ),
        ("ja", "We met Tom Baker in the office.", "会社でTom Bakerに会った。"),
        (
            "de",
            "We met Tom Baker and Erika Holm's son.",
            "Wir trafen Tom Baker und Erika Holms Sohn.",
        ),
        ("de", "We met Jorg Mueller today.", "Wir haben heute Jörg Müller getroffen."),
        (
            "ja",
            "On Monday the Supreme Court and the American Senate met in Germany.",
            "月曜日、最高裁と米上院はドイツで会合した。",
        ),
        ("zh", "We met Tom Baker in the office.", "我们在办公室见到了汤姆·贝克。"),
        ("ja", "She met Yamada and Zhang Wei in Tokyo.", "彼女は東京で山田と張偉に会った。"),
        ("de", "She lives in Vienna, he in Munich.", "Sie wohnt in Wien, er in München."),
        ("fr", "The museum is closed on Mondays.", "Le musée est fermé le lundi."),
        ("ja", "How To Write Better Letters Without Tears", "涙なしにより良い手紙を書く方法"),
        ("ja", "The UN and NATO are in a hurry.", "国連と北大西洋条約機構は急いでいる。"),
        ("en", "トム・ベイカーさんが来ました。", "Mr. Tom Baker came."),
        ("en", "リモコンのVCRボタンを押す", "Press the V_C_R_ button of the remote control."),
        ("en", "山田さんが来ました。", "Mr. Yamada came."),
    ],
)
def test_kept_names(code: str, source: str, text: str) -> None:
    """Letters, katakana, translated institutions, headlines and acronyms are nothing lost."""
    assert find_lost_names(source, text, code) == ()


@pytest.mark.parametrize(
    ("code", "source", "text", "lost"),
    [
        (
            "ja",
            "Yesterday the manager of the shop, Tom Baker, called Erika Holm.",
            "昨日、店長のトム・ベイカーが電話した。",
            ("Erika", "Holm"),
        ),
        (
            "de",
            "We met Tom Baker in the office of the firm.",
            "Wir trafen ihn im Büro der Firma.",
            ("Tom", "Baker"),
        ),
        (
            "ja",
            "Replace part AX-204 of the pump now.",
            "ポンプの部品を今すぐ交換してください。",
            ("AX-204",),
        ),
        ("en", "トム・ベイカーさんが来ました。", "He came today.", ("トム・ベイカー",)),
        ("en", "ベイカー氏が来ました。", "He came today.", ("ベイカー",)),
        ("en", "新しいiPhoneを注文しました。", "I ordered a new phone.", ("iPhone",)),
    ],
)
def test_lost_names(code: str, source: str, text: str, lost: tuple[str, ...]) -> None:
    """A name that stands in no form is found out."""
    assert find_lost_names(source, text, code) == lost


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(["ja", "en", "de", "ru"]))
def test_any_two_texts_can_be_compared(source: str, text: str, code: str) -> None:
    """Whatever stands in them; and a text that holds its source has lost none of its names."""
    find_lost_names(source, text, code)
    assert find_lost_names(source, f"{text} {source}", code) == () or code == "ja"
