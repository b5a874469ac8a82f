"""Devices: their names; one holder at a time; who waits says so once, and can be stopped."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

import pytest

from jobs.cost import DeviceRate
from jobs.errors import SettingError
from workers import device as module
from workers.device import (
    Device,
    environment_of,
    gpu_layers_on,
    hold_device,
    hold_devices,
    locks_of,
    own_cores,
    parse_device,
    parse_devices,
    pin,
    rate_on,
)
from workers.settings import read_settings


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


def test_several_are_held_in_one_order() -> None:
    """Whoever wants some of the same waits for all of them, and says so once."""
    stop = Event()
    said: list[str] = []

    def tell() -> None:
        said.append("waiting")
        stop.set()

    with hold_devices(["core-1", "core-0"], Event()) as first:
        assert first
        with hold_devices(["core-1", "core-2"], stop, tell) as second:
            assert not second
        with hold_devices(["core-2", "core-3"], Event()) as other:
            assert other
    assert said == ["waiting"]
    with hold_devices([], Event()) as nothing:
        assert nothing


@pytest.fixture
def five_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may use five cores."""
    monkeypatch.setattr(module, "own_cores", lambda: (2, 3, 5, 8, 9))


@pytest.mark.usefixtures("five_cores")
def test_names_are_read() -> None:
    """GPUs by number, the CPU whole or shared, in the order given."""
    assert parse_devices("cpu") == (Device("cpu"),)
    assert parse_devices("0, 1") == (Device("0"), Device("1"))
    assert parse_devices("7,cpu,cpu") == (
        Device("7"),
        Device("cpu-1of2", (2, 3)),
        Device("cpu-2of2", (5, 8, 9)),
    )
    assert parse_device("10") == Device("10")


@pytest.mark.usefixtures("five_cores")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "device_unknown"),
        ("gpu", "device_unknown"),
        ("01", "device_unknown"),
        ("-1", "device_unknown"),
        ("\uff11", "device_unknown"),
        ("cpu-1of2", "device_unknown"),
        ("0,", "device_unknown"),
        ("0,1,0", "device_twice"),
        ("metal", "device_needs_macos"),
        ("cpu,cpu,cpu,cpu,cpu,cpu", "device_too_few_cores"),
    ],
)
def test_what_is_no_device_is_refused(
    text: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every wrong name has a code, and nothing is guessed."""
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(SettingError) as caught:
        parse_devices(text)
    assert caught.value.code == code


def test_metal_is_macos_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS `metal` is a device with all layers on it, and may be named once."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert parse_devices("metal") == (Device("metal"),)
    assert (gpu_layers_on("metal"), environment_of("metal")) == (-1, {})
    with pytest.raises(SettingError, match="device_twice"):
        parse_devices("metal,metal")


def test_a_run_takes_one() -> None:
    """Several devices where one is wanted are refused."""
    with pytest.raises(SettingError, match="device_not_one"):
        parse_device("0,1")


def test_a_process_sees_its_gpu_alone() -> None:
    """A GPU's process sees it and no other; one on the CPU sees none."""
    assert environment_of("3")["CUDA_VISIBLE_DEVICES"] == "3"
    assert environment_of("cpu-1of2") == environment_of("cpu") == {"CUDA_VISIBLE_DEVICES": ""}
    assert environment_of("network") == {}
    assert [gpu_layers_on(name) for name in ("0", "cpu", "cpu-1of2")] == [-1, 0, 0]


@pytest.mark.usefixtures("five_cores")
def test_a_cpu_is_held_by_its_cores() -> None:
    """The CPU's lock is one for each core that the process may use; a GPU has its own."""
    assert locks_of("cpu") == [f"core-{core}" for core in (2, 3, 5, 8, 9)]
    assert locks_of("0") == ["0"]


def test_a_share_of_the_cpu_costs_a_share() -> None:
    """Two halves of the processor cost together what the whole costs; a GPU has its own rate."""
    settings = read_settings(environment={"SEKISHO_CONFIG": ""})
    assert rate_on(settings, "cpu") == DeviceRate(Decimal("0.02"), Decimal(65), Decimal("0.20"))
    half = rate_on(settings, "cpu-2of2")
    assert 2 * half.usd_per_hour == rate_on(settings, "cpu").usd_per_hour
    assert rate_on(settings, "1") == settings.device("1").rate


@pytest.mark.skipif(sys.platform != "linux", reason="cores are pinned on Linux only")
def test_pinning_is_by_affinity() -> None:
    """A pinned process has the cores it was given; cores that are not there are named."""
    core = own_cores()[0]
    code = (
        "import os; from workers.device import own_cores, pin;"
        f"pin(()); pin(({core},)); assert own_cores() == ({core},) == (*os.sched_getaffinity(0),)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})
    with pytest.raises(SettingError, match="device_cores_gone"):
        pin((1023,))
