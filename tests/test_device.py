"""Devices: one holder at a time; who waits says so once, and can be told to stop."""

from pathlib import Path
from threading import Event, Thread

import pytest

from workers.device import hold_device


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the locks of tests away from those of real workers, and look often."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("workers.device.RETRY_SECONDS", 0.01)


def test_a_free_device_is_held_at_once() -> None:
    """Nobody waits for a device that is free, and devices are apart."""
    said: list[str] = []
    with (
        hold_device("cpu", Event(), lambda: said.append("cpu")) as first,
        hold_device("other", Event(), lambda: said.append("other")) as second,
    ):
        assert (first, second, said) == (True, True, [])
    with hold_device("cpu", Event()) as again:
        assert again


def test_the_second_waits_until_the_first_lets_go() -> None:
    """A held device is waited for, which is said once, and then held."""
    waiting, got = Event(), Event()
    said: list[str] = []

    def tell() -> None:
        said.append("waiting")
        waiting.set()

    def second() -> None:
        with hold_device("cpu", Event(), tell) as held:
            if held:
                got.set()

    thread = Thread(target=second)
    with hold_device("cpu", Event()):
        thread.start()
        assert waiting.wait(30)
        assert not got.is_set()
    assert got.wait(30)
    thread.join(30)
    assert said == ["waiting"]


def test_who_waits_can_be_stopped() -> None:
    """A stop while waiting gives False, and the holder keeps the device."""
    stop = Event()
    with (
        hold_device("cpu", Event()) as first,
        hold_device("cpu", stop, on_wait=stop.set) as second,
    ):
        assert (first, second) == (True, False)
