"""Devices: their names, what pins a process to one, and the lock that its engine holds.

A device is the number of a GPU as nvidia-smi counts (`0`), `cpu`, a share of its cores
(`cpu-1of2`: the first of two), or `metal`.
"""

import fcntl
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from jobs.cost import DeviceRate
from jobs.errors import ServiceError, SettingError
from workers.settings import Settings

RETRY_SECONDS: Final = 0.5
CPU: Final = "cpu"
METAL: Final = "metal"
GPU: Final = re.compile(r"0|[1-9][0-9]{0,2}")
ALL_LAYERS: Final = -1


@dataclass(frozen=True, slots=True)
class Device:
    """A device to work on; `cores` pins a share of the processor, none takes all of them."""

    name: str
    cores: tuple[int, ...] = ()


def parse_devices(text: str) -> tuple[Device, ...]:
    """Read the devices of `--devices`; `cpu` named several times shares the cores.

    Raises SettingError for a name that is no device, one named twice, more shares than cores, or
    `metal` elsewhere than on macOS.
    """
    names = [name.strip() for name in text.split(",")]
    counts = Counter(names)
    for name, count in counts.items():
        if name == METAL and sys.platform != "darwin":
            raise SettingError("device_needs_macos", device=name)
        if name not in (CPU, METAL) and not GPU.fullmatch(name):
            raise SettingError("device_unknown", device=name)
        if count > 1 and name != CPU:
            raise SettingError("device_twice", device=name)
    shares = iter(_share_cores(counts[CPU]))
    return tuple(next(shares) if name == CPU else Device(name) for name in names)


def parse_device(text: str) -> Device:
    """Read the one device of `--device`; raises SettingError."""
    found = parse_devices(text)
    if len(found) > 1:
        raise SettingError("device_not_one", devices=text)
    return found[0]


def _share_cores(shares: int) -> list[Device]:
    """Cut the cores of this process into so many runs of neighbours."""
    if shares <= 1:
        return [Device(CPU)] * shares
    cores = own_cores()
    if shares > len(cores):
        raise SettingError("device_too_few_cores", shares=shares, cores=len(cores))
    ends = [len(cores) * share // shares for share in range(shares + 1)]
    return [
        Device(f"{CPU}-{share + 1}of{shares}", cores[ends[share] : ends[share + 1]])
        for share in range(shares)
    ]


def own_cores() -> tuple[int, ...]:
    """Return the cores this process may use; none where the system does not tell (macOS)."""
    known = hasattr(os, "sched_getaffinity")
    return tuple(sorted(os.sched_getaffinity(0))) if known else ()


def pin(cores: Sequence[int]) -> None:
    """Keep this thread, and those it will start, on these cores; none changes nothing.

    Raises SettingError when this process may not use them (any more).
    """
    if not cores:
        return
    try:
        if sys.platform == "linux":
            os.sched_setaffinity(0, cores)
    except OSError as error:
        listed = ",".join(map(str, cores))
        raise SettingError("device_cores_gone", cores=listed, problem=error.strerror) from error


def environment_of(name: str) -> dict[str, str]:
    """Return what a process on this device has in its environment: the one GPU it may see."""
    if GPU.fullmatch(name):
        return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": name}
    return {"CUDA_VISIBLE_DEVICES": ""} if _is_cpu(name) else {}


def gpu_layers_on(name: str) -> int:
    """Return how many of a model's layers go to the GPU: all of them, or none on the CPU."""
    return 0 if _is_cpu(name) else ALL_LAYERS


def rate_on(settings: Settings, name: str) -> DeviceRate:
    """Return what a device costs; a share of the CPU costs its share of it."""
    if not _is_cpu(name):
        return settings.device(name).rate
    rate = settings.device(CPU).rate
    shares = int(name.rpartition("of")[2]) if name != CPU else 1
    return DeviceRate(rate.purchase_usd_per_hour / shares, rate.watts / shares, rate.usd_per_kwh)


def locks_of(name: str) -> list[str]:
    """Return the locks a process on this device holds; on the CPU one for each of its cores."""
    cores = own_cores() if _is_cpu(name) else ()
    return [f"core-{core}" for core in cores] or [name]


def _is_cpu(name: str) -> bool:
    return name == CPU or name.startswith(f"{CPU}-")


@contextmanager
def hold_devices(
    names: Sequence[str], stop: Event, on_wait: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold several, always in the same order, so that nobody waits in a circle.

    Yields False if `stop` came first; waiting is said once.
    """
    said = Event()

    def say_once() -> None:
        if not said.is_set():
            said.set()
            on_wait()

    with ExitStack() as stack:
        yield all(stack.enter_context(hold_device(name, stop, say_once)) for name in sorted(names))


@contextmanager
def hold_device(
    name: str, stop: Event, on_wait: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold a device of this machine; wait, after saying so once, while another process does.

    Yields False if `stop` came first. Two engines on the same cores run at a tenth of the speed,
    so the second one waits.
    """
    descriptor = _open_lock(name)
    try:
        waited = False
        while not _try_lock(descriptor):
            if not waited:
                on_wait()
                waited = True
            if stop.wait(RETRY_SECONDS):
                yield False
                return
        yield True
    finally:
        os.close(descriptor)


def _open_lock(name: str) -> int:
    """Open the machine-wide lock of a device; every user's processes share it."""
    path = Path(tempfile.gettempdir()) / f"sekisho-device-{name}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        with suppress(PermissionError):  # it belongs to the user who made it
            os.fchmod(descriptor, 0o666)
    except OSError as error:
        raise ServiceError(
            "device_lock_unusable", file=str(path), problem=error.strerror
        ) from error
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
