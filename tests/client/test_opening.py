"""One client's database: made where it is ours, opened late, and never carried across a fork."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.client import Client
from jobs.client.opening import OwnDatabase
from jobs.errors import ServiceError, SettingError
from jobs.store import open_database, schema
from tests.store.making import SPEC

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
ROW = {"id": "r1", "text": "a"}


def test_an_embedded_database_is_made_when_rows_come(tmp_path: Path) -> None:
    """Not before: asking about batches makes none, nor does the client itself."""
    path = tmp_path / "new.db"
    client = Client(f"sqlite:///{path}")
    for ask in (client.status, client.results):
        with pytest.raises(SettingError, match="database_missing"):
            ask("latest")
    assert not path.exists()
    assert client.submit([ROW], SPEC).rows == 1
    assert client.status("latest").rows == 1
    client.close()
    assert client.status("latest").rows == 1  # a closed client opens again
    client.close()


def test_a_servers_database_is_not_made(empty_url: str) -> None:
    """PostgreSQL is upgraded by `sekisho db upgrade` alone; an embedded one at once."""
    with Client(empty_url) as client:
        if empty_url.startswith("sqlite"):
            assert client.submit([ROW], SPEC).rows == 1
            return
        with pytest.raises(SettingError, match="database_not_upgraded") as caught:
            client.submit([ROW], SPEC)
        assert "sekisho db upgrade" in caught.value.__notes__[0]
        database = open_database(empty_url)
        schema.upgrade(database)
        database.close()
        assert client.submit([ROW], SPEC).rows == 1


def test_addresses_that_are_none_are_refused_at_once() -> None:
    """No URL, no such kind, or a database in memory, which nobody else could see."""
    with pytest.raises(SettingError, match="database_url_wrong"):
        Client("nonsense")
    with pytest.raises(SettingError, match="database_in_memory"):
        Client("sqlite://")
    with pytest.raises(SettingError, match="database_kind_unknown"):
        Client("mysql://u@h/db").status("latest")


def test_the_commands_default_is_the_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an address it is the environment's, and stays it when the folder changes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "sqlite:///own.db")
    (tmp_path / "elsewhere").mkdir()
    with Client() as client:
        client.submit([ROW], SPEC)
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert client.status("latest").rows == 1
        client.close()
        assert client.status("latest").rows == 1
    assert [path.name for path in tmp_path.glob("*.db")] == ["own.db"]


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    """What would be written into a removed file would be lost."""
    path = tmp_path / "gone.db"
    with Client(f"sqlite:///{path}") as client:
        client.submit([ROW], SPEC)
        path.rename(tmp_path / "kept.db")
        path.touch()
        with pytest.raises(ServiceError, match="database_replaced"):
            client.submit([ROW], SPEC)


FORKING = """
import os, sys
from jobs.client import Client
client = Client(sys.argv[1])
client.submit([{"id": "r1", "text": "a"}], sys.argv[2])
before = client._database.to_read()
child = os.fork()
if child == 0:
    assert client._database.to_read() is not before
    client.submit([{"id": "r2", "text": "b"}], sys.argv[2])
    client.close()
    os._exit(0 if client.status("latest").rows == 1 else 5)
assert os.waitpid(child, 0)[1] == 0
assert client._database.to_read() is before
client.submit([{"id": "r3", "text": "c"}], sys.argv[2])
print(client.status("latest").rows)
client.close()
"""


def test_a_fork_has_connections_of_its_own(empty_url: str, tmp_path: Path) -> None:
    """As in a task of Airflow: parent and child hand in, and neither disturbs the other."""
    database = open_database(empty_url)
    schema.upgrade(database)
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    ended = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", FORKING, empty_url, spec],
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1\n", "")
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM batches").scalar_one() == 3
        if database.dialect == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    database.close()


def test_a_forgotten_database_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the process's number has changed nothing of the old one is used or closed."""
    own = OwnDatabase(f"sqlite:///{tmp_path / 'own.db'}")
    before = own.to_write()
    real = os.getpid()
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: real + 1)
        after = own.to_write()
        assert after is not before
        own.close()
    with before.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM batches").scalar_one() == 0
    before.close()
