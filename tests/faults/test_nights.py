"""Nights: a deadline is kept whoever is alive, two do not overlap, the end is told."""

import json
import signal
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from jobs.deadline import Deadline
from jobs.store import checks, deadlines, results
from tests.faults.settled import check_settled
from tests.faults.world import World, in_both_worlds

pytestmark = pytest.mark.fault

ROWS = 200
SLOW: dict[str, object] = {
    "pause_ms_per_step": 200
}  # 20 rows/s: 10 s of work, far from done at the deadline


def count(world: World) -> results.Tally:
    """The newest batch's rows by state."""
    batch = world.batch()
    assert batch is not None
    return results.tally(world.database, batch.batch_id)


def strike(world: World) -> None:
    """Let the newest batch's deadline come."""
    batch = world.batch()
    assert batch is not None
    assert batch.deadline_at is not None
    with world.database.write() as connection:
        past = Deadline(datetime(2020, 1, 1, tzinfo=UTC))
        deadlines.set_deadline(connection, batch.batch_id, past)


def start_night(world: World, *options: str, rows: int = ROWS) -> Any:
    """Start a run with more options."""
    path = world.write_rows(rows)
    return world.start("run", path, "--spec", world.spec, "--json", *options)


@in_both_worlds
def test_deadline(world: World) -> None:
    """A run that reaches its deadline ends, with the rest in review; resumed it goes on."""
    world.configure(stub=SLOW)
    run = start_night(world, "--deadline", "4s")
    report = world.finish(run, status=1).report
    assert report["status"] == "closed"
    assert report["done"] + report["review"] == ROWS
    assert report["review"] > 0
    world.wait_nobody()
    assert checks.find_violations(world.database) == []
    world.configure()
    world.finish(world.start("resume", report["batch_id"]))
    world.finish(world.start_run(world.folder / "rows.csv"))
    check_settled(world.database, rows=ROWS)


def test_deadline_after_a_kill(embedded_world: World) -> None:
    """When the run was killed, any dispatcher keeps its deadline."""
    world = embedded_world
    world.configure(stub=SLOW)
    run = start_night(world, "--deadline", "9h")
    world.wait_done(8)
    run.send(signal.SIGKILL)
    world.finish(run, status=-signal.SIGKILL)
    strike(world)
    dispatcher = world.start("dispatch")
    world.wait_closed()
    dispatcher.terminate()
    world.finish(dispatcher)
    tally = count(world)
    assert tally.done + tally.review == tally.rows == ROWS
    assert tally.review > 0
    assert checks.find_violations(world.database) == []


@in_both_worlds
def test_two_nights_do_not_overlap(world: World) -> None:
    """The second is refused with 3 while the first works; a killed one leaves no lock."""
    world.configure(stub=SLOW)
    path = world.write_rows(160)
    night = ["run", str(path), "--spec", str(world.spec), "--json", "--no-overlap"]
    first = world.start(*night)
    world.wait_done(4)
    refused = world.finish(world.start(*night), status=3).report
    assert refused["error"]["code"] == "run_overlaps"
    assert refused["error"]["params"]["pid"] == str(first.pid)
    first.send(signal.SIGKILL)
    world.finish(first, status=-signal.SIGKILL)
    world.configure()
    world.finish(world.start(*night))
    check_settled(world.database, rows=160)


def test_the_end_is_told(embedded_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The webhook hears of the batch before the run that answered it is over."""
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        monkeypatch.setenv("SEKISHO_NOTIFY_WEBHOOK", url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        page = embedded_world.folder / "page.html"
        report = embedded_world.finish(
            start_night(embedded_world, "--page", str(page), rows=40)
        ).report
        server.shutdown()
        serving.join()
    assert [(body["event"], body["batch_id"]) for body in heard] == [("closed", report["batch_id"])]
    assert heard[0]["done"] == report["done"] == 40
    assert "All 40 rows are done." in page.read_text("utf-8")
