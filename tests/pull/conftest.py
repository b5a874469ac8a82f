"""A hub on loopback that needs no patience, and an order for one model of it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import close_session, constants, file_download
from huggingface_hub.utils import _http

from tests.engines.test_prepare import pack_gguf
from tests.hub import StandInHub, run_hub
from workers.catalogue import Entry
from workers.hub import Hub
from workers.pull import Order

NAME = "small"
GGUF = pack_gguf("q4_1")
OTHER = pack_gguf("q8_0")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library waits a second before it tries again, and hands bytes on in large pieces."""
    clock = SimpleNamespace(sleep=lambda _: None, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr(file_download, "time", clock)
    monkeypatch.setattr(_http, "time", clock)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4)


@pytest.fixture
def remote() -> Iterator[StandInHub]:
    """A hub with one file."""
    with run_hub(StandInHub(files={"model-Q4.gguf": GGUF})) as hub:
        yield hub
        close_session()


@pytest.fixture
def hub(remote: StandInHub) -> Hub:
    """What asks it."""
    return Hub({"HF_ENDPOINT": remote.endpoint, "HF_TOKEN": "hf_of_a_test"})


MakeOrder = Callable[..., Order]


@pytest.fixture
def order(tmp_path: Path, remote: StandInHub) -> MakeOrder:
    """Make an order for the hub's file; `entry` holds what the catalogue says otherwise."""

    def make(entry: dict[str, Any] | None = None, **given: Any) -> Order:
        facts = {"repository": remote.repository, "file": "model-Q4.gguf", "commercial": "free"}
        said = Entry.model_validate({"title": "Small", "family": "Small", **facts, **(entry or {})})
        folder = tmp_path / "models"
        folder.mkdir(exist_ok=True)
        return Order(NAME, folder, said, **given)

    return make


class Heard:
    """Notes what is said and shown."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.shown: list[tuple[str, int, int | None]] = []

    def say(self, code: str, **_: object) -> None:
        self.codes.append(code)

    def show(self, name: str, have: int, total: int | None) -> None:
        self.shown.append((name, have, total))


@pytest.fixture
def heard() -> Heard:
    """Instead of a view."""
    return Heard()
