"""Where the embedded Redis puts its socket, and what it says when it cannot work."""

from pathlib import Path

import pytest

from jobs.errors import ServiceError
from workers import embedded_redis as module
from workers.embedded_redis import choose_socket, embedded_redis
from workers.redis_guard import find_redis_server


def test_a_too_long_temporary_folder_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG_RUNTIME_DIR is passed over when a socket's path in it would be too long."""
    long = tmp_path / ("x" * module.SOCKET_BYTES_MAX)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    path = choose_socket(tmp_path)
    path.parent.rmdir()
    assert not path.is_relative_to(long)


def test_a_socket_folder_others_can_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder somebody else prepared at the expected place is not used."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(module, "SOCKET_BYTES_MAX", 4096)
    first = choose_socket(tmp_path)
    first.parent.chmod(0o755)
    second = choose_socket(tmp_path)
    second.parent.rmdir()
    assert first.is_relative_to(tmp_path)
    assert not second.is_relative_to(tmp_path)


def test_no_place_for_a_socket_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When every candidate is too long the error names what was tried."""
    monkeypatch.setattr(module, "SOCKET_BYTES_MAX", 10)
    with pytest.raises(ServiceError) as caught:
        choose_socket(tmp_path)
    assert caught.value.code == "redis_no_socket_folder"
    assert "/tmp" in str(caught.value.params["tried"])  # noqa: S108 - a name, not a use


def test_a_missing_binary_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the wheel and without a redis-server on PATH the error says so."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError) as caught:
        find_redis_server()
    assert caught.value.code == "redis_binary_missing"


def test_an_unusable_state_folder_is_said_in_words(tmp_path: Path) -> None:
    """A file where the folder should be is an error with words, not a traceback."""
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(ServiceError) as caught, embedded_redis(in_the_way):
        pass
    assert caught.value.code == "redis_folder_unusable"
