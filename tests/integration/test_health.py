"""The health check of containers, on a real database and a real Redis."""

import socket
from pathlib import Path

import pytest

from jobs.store import Database, workers
from jobs.store.workers import Worker
from workers.health import main


@pytest.fixture(autouse=True)
def environment(
    tmp_path: Path, redis_url: str, sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both addresses come from files, as in a container."""
    assert sqlite
    monkeypatch.setenv("SEKISHO_LANG", "en")
    for name, value in (("DATABASE", f"sqlite:///{tmp_path / 'sekisho.db'}"), ("REDIS", redis_url)):
        path = tmp_path / f"{name}.secret"
        path.write_text(f"{value}\n")
        monkeypatch.delenv(f"SEKISHO_{name}_URL", raising=False)
        monkeypatch.setenv(f"SEKISHO_{name}_URL_FILE", str(path))


def test_services_that_answer_are_healthy() -> None:
    """Current tables and a Redis that answers are enough for a dispatcher."""
    assert main() == 0


def test_a_worker_is_healthy_while_it_lives_here(
    sqlite: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker of another machine does not count, nor one that ended."""
    for host in ("elsewhere", socket.gethostname()):
        assert main(["worker"]) == 1
        workers.register(sqlite, Worker(host, host, 1, "cpu", "stub", "h"), 1)
    assert "No worker of this machine" in capsys.readouterr().err
    assert main(["worker"]) == 0
    workers.retire(sqlite, socket.gethostname())
    assert main(["worker"]) == 1


def test_a_redis_that_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not answer is named."""
    (tmp_path / "REDIS.secret").write_text(f"unix://{tmp_path}/nobody.sock")
    assert main() == 1
    assert "Redis" in capsys.readouterr().err


def test_a_database_without_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty database is not healthy."""
    (tmp_path / "DATABASE.secret").write_text(f"sqlite:///{tmp_path / 'new.db'}")
    assert main() == 1
    assert "db upgrade" in capsys.readouterr().err
