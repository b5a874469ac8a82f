"""Languages that share an alphabet are told apart where a text is long enough to be sure."""

import pytest

from jobs.tasks.identity import identify, is_foreign

SAID = {
    "en": "The delivery arrived two days late and the box was damaged.",
    "de": "Die Lieferung kam zwei Tage zu spät an und der Karton war beschädigt.",
    "fr": "La livraison est arrivée avec deux jours de retard et le carton était abîmé.",
    "es": "La entrega llegó con dos días de retraso y la caja estaba dañada.",
    "it": "La consegna è arrivata con due giorni di ritardo e la scatola era danneggiata.",
    "pt": "A entrega chegou com dois dias de atraso e a caixa estava danificada.",
    "nl": "De levering kwam twee dagen te laat aan en de doos was beschadigd.",
    "ru": "Доставка опоздала на два дня, и коробка была повреждена.",
    "uk": "Доставка запізнилася на два дні, і коробка була пошкоджена.",
}


@pytest.mark.parametrize("code", SAID)
def test_a_sentence_is_in_its_own_language_alone(code: str) -> None:
    """A sentence is known for its language, and foreign to every other one."""
    assert identify(SAID[code]) == code
    assert not is_foreign(SAID[code], code)
    assert all(is_foreign(SAID[code], other) for other in SAID if other != code)


@pytest.mark.parametrize(
    "text", ["", "OK", "Dundee 5-3", "https://a.example/the-very-long-way", "{name} %s", "12,800"]
)
def test_what_is_doubtful_is_foreign_to_nobody(text: str) -> None:
    """Short texts, names and addresses say nothing about a language."""
    assert identify(text) is None
    assert not any(is_foreign(text, code) for code in SAID)


def test_a_language_that_the_statistics_do_not_know_is_not_judged() -> None:
    """A code without a model is no reason to blame a translation; regions share their language."""
    assert not is_foreign(SAID["en"], "tlh")
    assert is_foreign(SAID["en"], "de-AT")
    assert not is_foreign(SAID["pt"], "pt-BR")
