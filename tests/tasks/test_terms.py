"""A glossary's terms are found in texts as words, and in translations in any of their forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import Term
from jobs.tasks.terms import Glossary, write_terms


def make(language: str, **terms: str) -> Glossary:
    return Glossary(
        [Term(source=key.replace("_", " "), target=value) for key, value in terms.items()], language
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Invoice is here.", ["invoice"]),
        ("Two ｉｎｖｏｉｃｅｓ and the invoice's date", ["invoice"]),
        ("a preinvoice, invoice_it, invoice2", []),
        ("He was invoiced.", []),
        ("a branch office", ["branch office"]),
        ("a branch\n  office", ["branch office"]),
        ("a branch", ["branch"]),
        ("", []),
    ],
)
def test_terms_stand_between_word_boundaries(text: str, found: list[str]) -> None:
    """Case, width and white space do not matter, a plural is the word; the longest term wins."""
    glossary = make("ja", invoice="請求書", branch="枝", branch_office="支店")
    assert [term.source for term in glossary.find(text)] == found


def test_a_term_in_japanese_stands_anywhere() -> None:
    """Scripts without spaces have no word boundaries; a word in Latin letters among them has."""
    glossary = make("en", 請求書="invoice", AI="AI")
    assert [term.source for term in glossary.find("先月の請求書番号はAIが読む")] == ["請求書", "AI"]
    assert glossary.find("MAIL") == ()


@pytest.mark.parametrize(
    ("language", "target", "text", "stands"),
    [
        ("ja", "請求書", "請求書番号", True),
        ("ja", "機械学習", "機械 学習", True),
        ("ja", "請求書", "インボイス", False),
        ("ja", "GPU", "ＧＰＵを使う", True),
        ("ko", "청구서", "청구서를 보내다", True),
        ("de", "Rechnung", "Die Rechnungen kamen.", True),
        ("de", "Rechnung", "Die Jahresrechnung kam.", True),
        ("de", "Vertrag", "Beide Verträge gelten.", True),
        ("de", "Rechnung", "Die Faktura kam.", False),
        ("de", "Bank", "Bankett", True),
        ("en", "ox", "oxen", True),
        ("en", "ox", "a box", False),
        ("en", "tax office", "the tax offices", True),
        ("en", "tax office", "the office for tax", False),
        ("fr", "succursale principale", "les succursales principales", True),
        ("en", "B737", "a B737 here", True),
        ("en", "B737", "a B738 here", False),
    ],
)
def test_a_target_form_may_be_inflected(
    language: str, target: str, text: str, stands: bool
) -> None:
    """Endings, umlauts and compounds are the term; another word is not."""
    glossary = make(language, x=target)
    assert (glossary.find_ignored("x", text) == ()) is stands
    assert glossary.find_ignored("y", text) == ()


def test_a_language_takes_its_own_terms_first() -> None:
    """The region's term comes before the language's, and that before the one for all."""
    terms = [
        Term(source="bus", target="all"),
        Term(source="bus", target="autocarro", language="pt"),
        Term(source="bus", target="ônibus", language="pt-BR"),
    ]
    chosen = {code: Glossary(terms, code).find("bus")[0].target for code in ("pt-BR", "pt", "de")}
    assert chosen == {"pt-BR": "ônibus", "pt": "autocarro", "de": "all"}
    assert write_terms(terms[:2]) == "bus = all; bus = autocarro"


@given(st.text(min_size=1, max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_a_translation_that_holds_the_target_is_never_blamed(
    term: str, before: str, after: str
) -> None:
    """Whatever a term is, a Japanese translation that says it word for word follows it."""
    if not term.strip():
        return
    glossary = Glossary([Term(source="x", target=term)], "ja")
    assert glossary.find_ignored("x", f"{before} {term} {after}") == ()


def test_many_terms_in_a_long_text() -> None:
    """The text is folded once, not once for each term."""
    glossary = Glossary([Term(source=f"t{n}x", target=f"u{n}x") for n in range(500)], "de")
    source = " ".join(f"t{n}x" for n in range(500))
    assert len(glossary.find_ignored(source, "y " * 50_000)) == 500
