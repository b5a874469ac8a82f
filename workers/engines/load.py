"""Makes the engine a model asks for."""

from workers.engines.protocol import Engine
from workers.journal import Journal
from workers.models import ModelFile


def load_engine(model: ModelFile, journal: Journal) -> Engine:
    """Load a model; raises ModelError when its file is missing, damaged or not the known one."""
    raise NotImplementedError
