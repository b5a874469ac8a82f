"""Addresses, placeholders, markup and dates of a text are those of its translation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.tasks.transfer import keeps_addresses, keeps_dates, keeps_markup, keeps_placeholders


@pytest.mark.parametrize(
    ("source", "text", "kept"),
    [
        ("See https://a.example/x?y=1.", "https://a.example/x?y=1をご覧ください。", True),
        ("See (https://a.example/x).", "（https://a.example/x）を参照", True),
        ("See https://a.example/x", "https://a.example/yを参照", False),
        ("See www.a.example", "参照", False),
        ("No address", "https://a.example", False),
        ("Mail Ann.Lee@a.example now", "ann.lee@a.exampleまで", True),
        ("Mail ann@a.example", "ann@b.exampleまで", False),
        (
            '<a href="https://a.example/x">here</a>',
            '<a href="https://a.example/x">こちら</a>',
            True,
        ),
        ("[site](https://a.example/x) now", "今すぐ[サイト](https://a.example/x)。", True),
    ],
)
def test_addresses(source: str, text: str, kept: bool) -> None:
    """URLs and mail addresses stand as they are, whatever is behind them; none is invented."""
    assert keeps_addresses(source, text) is kept


@pytest.mark.parametrize(
    ("source", "text", "kept"),
    [
        ("Hello {name}, {{x}}", "{{x}}、{name}さん", True),
        ("Hello {name}", "名前さん", False),
        ("Hello {name}", "{nom}", False),
        ("{a} and {a}", "{a}", False),
        ("${total} of %s, %d, %(n)d and %1$s", "%1$s, %(n)d, %d, %s : ${total}", True),
        ("%s rows", "% s Zeilen", False),
        ("100% sure", "100%確か", True),
        ("it is 5 % des", "5 % of it", True),
        ("{0:.2f}", "{0:.1f}", False),
    ],
)
def test_placeholders(source: str, text: str, kept: bool) -> None:
    """Each stands as often as in the source; a per cent sign is none."""
    assert keeps_placeholders(source, text) is kept


@pytest.mark.parametrize(
    ("source", "text", "kept"),
    [
        ("<b>now</b><br/>", "<b>今</b><br/>", True),
        ("<b>now</b>", "<b>今", False),
        ("<b>now</b>", "<strong>今</strong>", False),
        ('<img alt="cat" src="a">', '<img alt="猫" src="a">', True),
        ("# Title\n\n- one\n- two", "# 題\n\n* 一\n* 二", True),
        ("# Title", "題", False),
        ("- one\n- two", "- 一と二", False),
        ("**now** `x = 1`", "**今** `x = 1`", True),
        ("**now**", "今", False),
        ("`x = 1`", "`x = 2`", False),
        ("[a](b.md)", "[あ](c.md)", False),
        ("now", "**今**", False),
        ("3 < 4 and 5 > 2", "3 < 4 und 5 > 2", True),
    ],
)
def test_markup(source: str, text: str, kept: bool) -> None:
    """Tags and Markdown are kept in number and kind; what they enclose is translated."""
    assert keeps_markup(source, text) is kept


@pytest.mark.parametrize(
    ("source", "text", "kept"),
    [
        ("on March 5, 2026", "2026年3月5日に", True),
        ("on March 5, 2026", "2026年5月3日に", False),
        ("on 5 March", "am 5. März", True),
        ("on March 5th", "le 5 mars 2026", True),
        ("on March 5, 2026", "on 5 March 2025", False),
        ("令和8年3月5日", "March 5, 2026", True),
        ("2026-03-05", "05/03/2026", True),
        ("2026-03-05", "2026. 3. 5.", True),
        ("2026-03-05", "2026. 3. 6.", False),
        ("2026-03-05", "2026年3月6日", False),
        ("on March 5", "5 марта", True),
        ("no date", "3月5日", True),
        ("from 2026年3月5日 to 2026年3月9日", "from March 5 to March 9", True),
    ],
)
def test_dates(source: str, text: str, kept: bool) -> None:
    """The same day in any spelling; where no date can be read in the translation, none is lost."""
    assert keeps_dates(source, text) is kept


@given(st.text(max_size=60))
def test_a_text_keeps_what_it_has(text: str) -> None:
    """Whatever a text is, its copy has lost nothing."""
    assert keeps_addresses(text, text)
    assert keeps_placeholders(text, text)
    assert keeps_markup(text, text)
    assert keeps_dates(text, text)


def test_a_link_without_an_end_is_soon_given_up() -> None:
    """The time is in proportion to the length."""
    assert keeps_markup("[a](" + "x" * 100_000, "b")
