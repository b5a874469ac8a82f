"""The webhook: told at least once, signed, never followed elsewhere, never in the work's way."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update
from structlog.testing import capture_logs

from jobs.errors import ServiceError
from jobs.job import JobStatus
from jobs.store import Database, batches, chunks, notifications
from jobs.store.database import now
from jobs.store.results import ReviewReason
from jobs.tables import notifications as table
from jobs.words import LANGUAGES, Language
from tests.store.making import claim, drive, make_batch, outcome, rows_of
from tests.test_report import GOOD
from workers.notify import Notifier, find_alarms, make_headers, post_once, sign
from workers.settings import NotifySection

SECRET = "s3cret"  # noqa: S105 - of these tests
TIMEOUT_SECONDS = 5.0


@dataclass
class Receiver:
    """A web server that keeps what it is sent and answers as it is told to."""

    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    hang: threading.Event | None = None
    port: int = 0

    @property
    def url(self) -> str:
        """Where it takes posts; the path is as secret as those of chat programs."""
        return f"http://127.0.0.1:{self.port}/hook/T0P"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was posted, in order."""
        return [json.loads(body) for _, _, body in self.heard]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A running receiver; proxies of this machine are left out."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.heard.append((self.path, dict(self.headers), body))
            if made.hang is not None:
                made.hang.wait(60)
            status = made.statuses.pop(0) if made.statuses else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"http://127.0.0.1:{made.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            made.heard.append((self.path, {}, b"{}"))

        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield made
        if made.hang is not None:
            made.hang.set()
        server.shutdown()
        serving.join()


def make_notifier(database: Database, url: str, **values: Any) -> Notifier:
    """A notifier for an address, with short times."""
    named = {"webhook": SecretStr(url), "timeout_seconds": TIMEOUT_SECONDS, **values}
    return Notifier(database, NotifySection(**named), "en", clock=lambda: 1_700_000_000.0)


def make_due(database: Database) -> None:
    """Let every pause be over."""
    with database.write() as connection:
        connection.execute(
            update(table).where(table.c.next_try_at.is_not(None)).values(next_try_at=now())
        )


def end_badly(database: Database, ends: list[JobStatus]) -> str:
    """A closed batch whose rows ended so."""
    batch = make_batch(database, [len(ends)])
    lease = claim(database)
    chunks.commit(
        database, lease, [outcome(job, end) for job, end in zip(lease.jobs, ends, strict=True)]
    )
    batches.close_finished(database)
    return batch.batch_id


def test_the_end_of_a_batch_is_told(database: Database, receiver: Receiver) -> None:
    """Ids and counts arrive, with a line for people; nothing of a row."""
    batch = make_batch(database, [2])
    drive(database)
    assert make_notifier(database, receiver.url).tell() == 1
    assert make_notifier(database, receiver.url).tell() == 0
    ((path, headers, raw),) = receiver.heard
    (body,) = receiver.bodies
    assert path == "/hook/T0P"
    assert headers["X-Sekisho-Event"] == body["event"] == "closed"
    assert (body["batch_id"], body["rows"], body["done"]) == (batch.batch_id, 2, 2)
    assert body["cost_usd"] == "0.000000014"
    assert batch.batch_id in body["text"]
    assert b"text 1" not in raw
    assert "rows.csv" not in raw.decode()
    assert body["id"].startswith(batch.batch_id)


def test_posts_are_signed(database: Database, receiver: Receiver) -> None:
    """The receiver can prove who sent a body, and when; without a secret nothing is claimed."""
    make_batch(database, [1])
    drive(database)
    make_notifier(database, receiver.url, secret=SecretStr(SECRET)).tell()
    _, headers, body = receiver.heard[0]
    stamp = int(headers["X-Sekisho-Timestamp"])
    assert stamp == 1_700_000_000
    assert headers["X-Sekisho-Signature"] == f"v1={sign(body, SECRET, stamp)}"
    due = notifications.Notification(1, "closed", None, "b", None, {}, 1, None)  # type: ignore[arg-type]
    assert "X-Sekisho-Signature" not in make_headers(due, body, None, stamp)


@pytest.mark.parametrize(("status", "problem"), [(500, "http_500"), (404, "http_404")])
def test_a_refusal_is_tried_again(
    database: Database, receiver: Receiver, status: int, problem: str
) -> None:
    """What the receiver did not take waits and is posted again with the same id."""
    make_batch(database, [1])
    drive(database)
    receiver.statuses = [status]
    notifier = make_notifier(database, receiver.url)
    assert notifier.tell() == 0
    assert notifier.tell() == 0  # its pause is not over
    assert notifications.find_undelivered(database, 60).problem == problem
    make_due(database)
    assert notifier.tell() == 1
    first, second = receiver.bodies
    assert first == second


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(sqlite: Database, receiver: Receiver, status: int) -> None:
    """News go where the user said and nowhere else."""
    make_batch(sqlite, [1])
    drive(sqlite)
    receiver.statuses = [status]
    assert make_notifier(sqlite, receiver.url).tell() == 0
    assert [path for path, _, _ in receiver.heard] == ["/hook/T0P"]
    assert notifications.find_undelivered(sqlite, 60).problem == "redirected"


def test_it_gives_up_after_so_many_tries_and_says_so(sqlite: Database, receiver: Receiver) -> None:
    """The log names host, problem and tries, and neither the path nor the secret."""
    make_batch(sqlite, [1])
    drive(sqlite)
    receiver.statuses = [500, 500, 500]
    notifier = make_notifier(sqlite, receiver.url, tries=2, secret=SecretStr(SECRET))
    with capture_logs() as logs:
        notifier.tell()
        make_due(sqlite)
        notifier.tell()
        make_due(sqlite)
        notifier.tell()
    assert [line["event"] for line in logs] == ["notification_failed", "notification_given_up"]
    assert (logs[1]["host"], logs[1]["problem"], logs[1]["tries"]) == ("127.0.0.1", "http_500", 2)
    assert "T0P" not in str(logs)
    assert SECRET not in str(logs)
    assert len(receiver.heard) == 2
    assert notifications.find_undelivered(sqlite, 60).given_up == 1


def test_pauses_grow_and_are_bounded(sqlite: Database) -> None:
    """After each failure the pause doubles, up to an hour."""
    make_batch(sqlite, [1])
    drive(sqlite)
    section = NotifySection(webhook=SecretStr("http://x"), tries=100, pause_seconds=600)
    notifier = Notifier(sqlite, section, "en", post=lambda *_: "timeout")
    pauses = []
    for _ in range(5):
        notifier.tell()
        query = (
            "SELECT (julianday(next_try_at) - julianday('now')) * 86400 AS pause FROM notifications"
        )
        pauses.append(round(rows_of(sqlite, query)[0]["pause"] / 60))
        make_due(sqlite)
    assert pauses == [10, 20, 40, 60, 60]


def test_a_dead_receiver_and_one_that_hangs(receiver: Receiver) -> None:
    """Nobody there, or no answer in time, is a problem with a name."""
    assert post_once("http://127.0.0.1:1/x", b"{}", {}, TIMEOUT_SECONDS) == "unreachable"
    receiver.hang = threading.Event()
    assert post_once(receiver.url, b"{}", {}, 0.05) == "timeout"


@pytest.mark.parametrize(
    ("part", "problem"),
    [(b"HTTP/1.1 100 Continue\r\n\r\n", "timeout"), (b"H", "timeout"), (b"X: y\r\n", None)],
)
def test_a_reply_that_drips_in_has_an_end(
    receiver: Receiver, part: bytes, problem: str | None
) -> None:
    """Each part comes in time, the whole never does; the other news must not wait for it."""
    assert receiver
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\n" if part.startswith(b"X") else b"")
            while not ended.wait(0.05):
                connection.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=drip, args=(listener,))
        serving.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert post_once(url, b"{}", {}, 0.5) == problem
        ended.set()
        serving.join()


def test_events_can_be_chosen(database: Database, receiver: Receiver) -> None:
    """Whoever wants alarms alone hears no good news, and hears the alarm all the same."""
    end_badly(database, [JobStatus.FAILED, JobStatus.DONE])
    make_notifier(database, receiver.url, events=("alarm",)).tell()
    assert [body["alarm"] for body in receiver.bodies] == ["bad_rows"]
    assert "1 of 2 rows" in receiver.bodies[0]["text"]


def test_too_many_bad_rows_are_an_alarm(sqlite: Database, receiver: Receiver) -> None:
    """News and alarm arrive once each; a share that is allowed alarms nobody."""
    end_badly(sqlite, [JobStatus.REVIEW, JobStatus.DONE])
    make_notifier(sqlite, receiver.url, alarm_bad="50%").tell()
    assert [body["event"] for body in receiver.bodies] == ["closed"]
    assert receiver.bodies[0]["review_reasons"] == {"keep_all": 1}


def test_what_is_alarming() -> None:
    """Bad rows beyond what is allowed, a budget that is used up, a deadline that struck."""
    report = replace(GOOD, rows=100, done=95, review=5)
    assert find_alarms(report, [], "5%") == ()
    assert find_alarms(report, [], "4") == ("bad_rows",)
    reasons = [ReviewReason("budget_exceeded", "", 2), ReviewReason("deadline", "", 3)]
    assert find_alarms(report, reasons, "100%") == ("budget_exhausted", "deadline_hit")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_that_was_given_up_is_told(
    sqlite: Database, receiver: Receiver, language: Language
) -> None:
    """It is an alarm of a model, in the language of this installation."""
    notifications.owe_worker_alarm(sqlite, "qwen-7b")
    section = NotifySection(webhook=SecretStr(receiver.url))
    assert Notifier(sqlite, section, language).tell() == 1
    (body,) = receiver.bodies
    assert (body["alarm"], body["model"]) == ("worker_given_up", "qwen-7b")
    assert "qwen-7b" in body["text"]


def test_beside_the_work_and_at_its_end(sqlite: Database, receiver: Receiver) -> None:
    """What is owed when the work ends is told before it leaves."""
    with make_notifier(sqlite, receiver.url).running():
        make_batch(sqlite, [1])
        drive(sqlite)
    assert len(receiver.heard) == 1


def test_without_a_webhook_nothing_is_done(sqlite: Database) -> None:
    """No thread, no judging: a webhook set up later hears of it if it is still news."""
    before = threading.active_count()
    with Notifier(sqlite, NotifySection(), "en").running():
        make_batch(sqlite, [1])
        drive(sqlite)
        assert threading.active_count() == before
    assert len(notifications.list_unjudged(sqlite)) == 1


class Once(threading.Event):
    """A stop that comes after some rounds, without waiting."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._rounds = rounds

    def wait(self, timeout: float | None = None) -> bool:
        """Count a round."""
        self._rounds -= 1
        return self._rounds <= 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: ServiceError("database_fails", database="x", problem="y"), "service_down"),
        (lambda: KeyError("row content"), "notifier_failed"),
    ],
)
def test_whatever_goes_wrong_ends_only_the_telling(
    sqlite: Database, error: Callable[[], Exception], said: str
) -> None:
    """A database that is down is said once and waited out; an error of ours is said and ends it."""
    make_batch(sqlite, [1])
    drive(sqlite)
    rounds = 0

    def explode(*_: object) -> str | None:
        nonlocal rounds
        rounds += 1
        make_due(sqlite)
        raise error()

    section = NotifySection(webhook=SecretStr("http://x"))
    with capture_logs() as logs:
        Notifier(sqlite, section, "en", post=explode).run(Once(3))
    assert [line["event"] for line in logs] == [said]
    assert "row content" not in str(logs)
    assert rounds >= 1
