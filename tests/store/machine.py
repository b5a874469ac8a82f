"""What the state machines share: a database in memory, the same empty one for every run."""

import sqlite3
from contextlib import closing

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from sqlalchemy import make_url

from jobs.store import Database
from jobs.store.database import _create_engine


class Machine(RuleBasedStateMachine):
    """Events in any order over a database of its own."""

    template: bytes

    def __init__(self) -> None:
        super().__init__()
        # in memory, which only a test may have: `open_database` refuses it
        engine = _create_engine(make_url("sqlite://"), "sqlite://")
        self.database = Database(engine, "sqlite://")
        with self.database.read() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            connection.rollback()
            raw.deserialize(self.template)


def run_machine(machine: type[Machine], empty: Database, *, examples: int, steps: int) -> None:
    """Try so many orders of so many events, each from a copy of an empty database."""
    path = empty.engine.url.database
    empty.close()
    with closing(sqlite3.connect(str(path))) as file:
        file.execute("PRAGMA journal_mode = DELETE")
        machine.template = file.serialize()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
