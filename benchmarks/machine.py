"""What the numbers were measured on: processor, file, versions; and what processes take of it."""

import hashlib
import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

FLAGS: Final = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
PACKAGES: Final = ("sekisho", "llama-cpp-python", "llguidance", "numpy")
PROC: Final = Path("/proc")


def describe_machine() -> dict[str, Any]:
    """Return the processor's name, its cores, those of its flags that matter, and the date."""
    info = read_file(PROC / "cpuinfo")
    found = {
        key.strip(): value.strip()
        for key, _, value in (line.partition(":") for line in info.splitlines())
    }
    flags = set(found.get("flags", found.get("Features", "")).split())
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": found.get("model name", platform.processor() or platform.machine()),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "flags": {name: name in flags for name in FLAGS},
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "packages": {name: _version(name) for name in PACKAGES},
    }


def describe_file(path: Path) -> dict[str, Any]:
    """Return a model file's name, size and sha256; never where it lies."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds a process has used, in user and in kernel mode."""
    fields = read_file(PROC / str(pid) / "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> dict[str, int]:
    """Return what a process holds: VmRSS, its peak VmHWM, and RSS by kind."""
    wanted = ("VmRSS", "VmHWM", "RssAnon", "RssFile")
    status = read_file(PROC / str(pid) / "status").splitlines()
    lines = (line.partition(":") for line in status)
    return {key: int(value.split()[0]) * 1024 for key, _, value in lines if key in wanted}


def read_file(path: Path) -> str:
    """Return a file's text; empty where it is not (systems without /proc)."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
