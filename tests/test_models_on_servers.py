"""A model on servers has no file and no device of this machine."""

from pathlib import Path

import pytest

from workers.models import find_model
from workers.settings import read_settings

CONFIG = """
[models."org/big model"]
engine = "openai"
urls = ["http://127.0.0.1:1/v1"]
[models.dear]
engine = "openai"
urls = ["http://127.0.0.1:1/v1"]
device = "gpu-box"
[models.stub]
engine = "stub"
"""


@pytest.mark.parametrize(
    ("name", "server_device", "rate_device"),
    [
        ("org/big model", "server-org_big_model", "server"),
        ("dear", "server-dear", "gpu-box"),
        ("stub", None, None),
    ],
)
def test_names_and_rates_are_a_servers_own(
    tmp_path: Path, name: str, server_device: str | None, rate_device: str | None
) -> None:
    """Its worker's files are told apart by the model; its time costs what the settings name."""
    config = tmp_path / "sekisho.toml"
    config.write_text(CONFIG)
    model = find_model(read_settings(config=config, environment={}), name)
    assert model.path is None
    assert (model.server_device, model.rate_device) == (server_device, rate_device)
