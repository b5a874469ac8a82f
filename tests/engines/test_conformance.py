"""The conformance suite over every engine there is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.conformance import EngineConformance
from workers.engines.llama import LlamaEngine, load_engine
from workers.engines.protocol import Engine
from workers.engines.stub import StubEngine
from workers.journal import Journal


class TestStub(EngineConformance):
    """The engine without a model."""

    @pytest.fixture
    def engine(self, journal: Journal) -> Iterator[Engine]:
        made = StubEngine(journal, rows_per_step=7)
        yield made
        made.close()

    @pytest.fixture
    def make_engine(self, journal: Journal) -> Callable[[], Engine]:
        return lambda: StubEngine(journal)


@pytest.mark.integration
class TestLlama(EngineConformance):
    """A real model in this process."""

    @pytest.fixture
    def engine(self, llama: LlamaEngine) -> Engine:
        return llama

    @pytest.fixture
    def make_engine(self, model_path: Path, journal: Journal) -> Callable[[], Engine]:
        return lambda: load_engine(model_path, "closed", 1, journal, context_tokens=512)
