"""The catalogue that comes with Sekisho: sound, and nothing in it without a source."""

import pytest

from workers.catalogue import NAME, Entry
from workers.catalogue.reading import BUILT_IN, read_file
from workers.models import BUILT_IN as PACKAGED

ENTRIES = read_file(BUILT_IN)
FAMILIES = (
    "Qwen 2.5",
    "Gemma 2",
    "Gemma 3",
    "Llama 3.3",
    "DeepSeek-R1 distills",
    "Phi-4",
    "Mistral",
    "Mixtral",
    "PLaMo",
    "Sarashina",
    "LLM-jp",
    "SmolLM2",
)


def test_no_model_stands_there_twice() -> None:
    """TOML refuses a table that is named twice; titles and files are different, too."""
    titles = [entry.title for entry in ENTRIES.values()]
    files = [(entry.repository, entry.file) for entry in ENTRIES.values() if entry.file]
    assert len(set(titles)) == len(titles)
    assert len(set(files)) == len(files)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_model(family: str) -> None:
    """The families people ask for, and those that came after."""
    assert any(entry.family == family for entry in ENTRIES.values())


@pytest.mark.parametrize(("name", "entry"), ENTRIES.items())
def test_every_fact_has_a_source(name: str, entry: Entry) -> None:
    """And every source a fact; names need no quotes in sekisho.toml."""
    assert entry.unsourced() == frozenset()
    assert NAME.fullmatch(name)
    assert "." not in name
    assert entry.licence is not None
    assert entry.commercial is not None
    assert bool(entry.conditions) == (entry.commercial == "conditions")


@pytest.mark.parametrize(("name", "entry"), ENTRIES.items())
def test_sizes_are_those_of_language_models(name: str, entry: Entry) -> None:
    """Gigabytes, not bytes or gibibytes of something else."""
    for size in (entry.file_gb, entry.memory_gb):
        assert size is None or 0.05 <= size <= 100
    assert entry.context_tokens is None or 1_000 <= entry.context_tokens <= 2_000_000


def test_what_comes_as_a_package_is_the_known_model() -> None:
    """The name of a package's model is the one that is found by it."""
    assert {name for name, entry in ENTRIES.items() if entry.package} == set(PACKAGED)
