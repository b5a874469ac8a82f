"""The webhook: hears of the end of batches and of alarms; counts and ids, never a row's content.

What is to be told stands in SQL (`jobs.store.notifications`). A thread beside the dispatcher
judges it, posts it, and tries again later; whatever the receiver does, the work goes on.
A receiver may hear a thing twice and tells it by its `id`. With a secret each post is signed:
`X-Sekisho-Signature: v1=HMAC-SHA256(secret, "{X-Sekisho-Timestamp}.{body}")`, in hexadecimal.
"""

import hashlib
import hmac
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import structlog

from jobs.errors import ServiceError
from jobs.store import Database, batches, notifications, results
from jobs.store.batches import Batch
from jobs.store.deadlines import DEADLINE
from jobs.store.notifications import Judged, Notification
from jobs.store.results import ReviewReason
from jobs.store.review import SHORT_OF_MONEY
from jobs.words import Language, say
from workers.report import Report, parse_allow_bad, report_on
from workers.settings import NotifySection

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0
PAUSE_MAX_SECONDS: Final = 3_600.0
MARGIN_SECONDS: Final = 30.0
"""A claimed notification is left alone this much longer than a call may take."""
OK: Final = range(200, 300)
MOVED: Final = range(300, 400)

Post = Callable[[str, bytes, Mapping[str, str], float], str | None]
"""Posts a body; returns the code of the problem, None when the receiver took it."""


class Notifier:
    """Tells the webhook what it is owed; without one it does nothing at all."""

    def __init__(
        self,
        database: Database,
        settings: NotifySection,
        language: Language,
        *,
        post: Post | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._settings = settings
        self._language = language
        self._post = post or post_once
        self._clock = clock
        self._down = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Tell beside the block; what is owed at its end gets one try, and waits in SQL else."""
        if self._settings.webhook is None:
            yield
            return
        stop, ended = threading.Event(), threading.Event()

        def go_round() -> None:
            try:
                self.run(stop)
            finally:
                ended.set()

        threading.Thread(target=go_round, daemon=True).start()
        try:
            yield
        finally:
            stop.set()
            if not ended.wait(2 * self._settings.timeout_seconds + LOOK_SECONDS):
                log.warning("notifications_wait")

    def run(self, stop: threading.Event) -> None:
        """Go round until stopped, and once more; a database that is down is waited out."""
        stopped = False
        while not stopped:
            stopped = stop.wait(LOOK_SECONDS)
            try:
                self.tell(once=stopped)
                self._down = False
            except ServiceError as error:
                if not self._down:
                    log.warning("service_down", code=error.code, **error.params)
                self._down = True
            except Exception as error:  # news must never end the work
                log.error("notifier_failed", kind=type(error).__name__)
                return

    def tell(self, *, once: bool = False) -> int:
        """Judge what is new and post what is due; return how much the receiver took.

        With `once` it stops at the first failure: a process that ends waits for no dead receiver.
        """
        self._judge_all()
        taken = 0
        hold_seconds = self._settings.timeout_seconds + MARGIN_SECONDS
        while (due := notifications.claim_due(self._database, hold_seconds)) is not None:
            if self._try(due):
                taken += 1
            elif once:
                break
        return taken

    def _judge_all(self) -> None:
        """Judge until nothing is new: the alarms that news give rise to are new as well."""
        while unjudged := notifications.list_unjudged(self._database):
            for notification in unjudged:
                notifications.judge(self._database, notification, self._judge(notification))

    def _judge(self, notification: Notification) -> Judged:
        alarms: tuple[str, ...] = ()
        if notification.batch_id is None:
            payload = describe_worker(notification, self._language)
        else:
            batch = batches.get(self._database, notification.batch_id)
            ended = batch.closed_at or notification.created_at
            seconds = (ended - batch.created_at).total_seconds()
            report = report_on(self._database, batch, seconds)
            reasons = results.review_reasons(self._database, batch.batch_id)
            if notification.event == "closed":
                alarms = find_alarms(report, reasons, self._settings.alarm_bad)
            payload = describe_batch(notification, batch, report, reasons)
        wanted = notification.event in self._settings.events
        return Judged(payload if wanted else None, alarms)

    def _try(self, due: Notification) -> bool:
        settings = self._settings
        if settings.webhook is None:
            return False
        body = json.dumps(due.payload, ensure_ascii=False).encode()
        secret = settings.secret.get_secret_value() if settings.secret else None
        headers = make_headers(due, body, secret, int(self._clock()))
        problem = self._post(
            settings.webhook.get_secret_value(), body, headers, settings.timeout_seconds
        )
        if problem is None:
            notifications.mark_sent(self._database, due)
            return True
        given_up = due.tries >= settings.tries
        again = min(settings.pause_seconds * 2 ** (due.tries - 1), PAUSE_MAX_SECONDS)
        notifications.mark_failed(self._database, due, problem, None if given_up else again)
        tell = log.error if given_up else log.warning
        host = urlsplit(settings.webhook.get_secret_value()).hostname
        tell(
            "notification_given_up" if given_up else "notification_failed",
            notification=due.notification_id,
            host=host,
            problem=problem,
            tries=due.tries,
        )
        return False


def find_alarms(report: Report, reasons: list[ReviewReason], alarm_bad: str) -> tuple[str, ...]:
    """Return what is alarming about the end of a batch, most general first."""
    codes = {reason.code for reason in reasons}
    found = {
        "bad_rows": not parse_allow_bad(alarm_bad).permits(report),
        "budget_exhausted": bool(codes & set(SHORT_OF_MONEY)),
        "deadline_hit": DEADLINE in codes,
    }
    return tuple(name for name, is_so in found.items() if is_so)


def describe_batch(
    notification: Notification, batch: Batch, report: Report, reasons: list[ReviewReason]
) -> dict[str, Any]:
    """Return what is posted of a batch: its report, the reasons' codes, and a line for people."""
    counts = asdict(report)
    code = notification.alarm or notification.event
    named = {**counts, "batch": batch.batch_id, "spec": batch.spec_name, "bad": report.bad}
    return {
        "text": say(f"notify_{code}", batch.language, **named),
        **_envelope(notification, batch.created_at if batch.closed_at is None else batch.closed_at),
        "spec_name": batch.spec_name,
        **counts,
        "review_reasons": {reason.code: reason.rows for reason in reasons},
    }


def describe_worker(notification: Notification, language: Language) -> dict[str, Any]:
    """Return what is posted of a worker that was given up."""
    model = notification.model_name
    return {
        "text": say("notify_worker_given_up", language, model=model),
        **_envelope(notification, notification.created_at),
        "model": model,
    }


def _envelope(notification: Notification, at: datetime) -> dict[str, Any]:
    about = notification.batch_id or "worker"
    return {
        "id": f"{about}-{notification.notification_id}",
        "event": notification.event,
        "alarm": notification.alarm,
        "at": at.isoformat(),
    }


def make_headers(
    due: Notification, body: bytes, secret: str | None, timestamp: int
) -> dict[str, str]:
    """Return a post's headers, signed if there is a secret."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "sekisho",
        "X-Sekisho-Event": due.event,
        "X-Sekisho-Timestamp": str(timestamp),
    }
    if secret:
        headers["X-Sekisho-Signature"] = f"v1={sign(body, secret, timestamp)}"
    return headers


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """Return the signature of a body that was posted at a moment (seconds since 1970)."""
    signed = f"{timestamp}.".encode() + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class _Limited(HTTPHandler, HTTPSHandler):
    """Makes connections that can be cut off: a socket's timeout begins anew with every byte."""

    def __init__(self) -> None:
        super().__init__()
        self.was_cut = False
        self._made: list[http.client.HTTPConnection] = []

    def do_open(self, http_class: Any, req: Request, **named: Any) -> http.client.HTTPResponse:
        def make(*arguments: Any, **more: Any) -> http.client.HTTPConnection:
            made: http.client.HTTPConnection = http_class(*arguments, **more)
            self._made.append(made)
            return made

        return super().do_open(make, req, **named)

    def guard(self, seconds: float, done: threading.Event) -> None:
        """Cut off what is not done after so many seconds, also what is connected later."""
        while not done.wait(seconds):
            self.was_cut, seconds = True, LOOK_SECONDS
            for made in self._made:
                if made.sock is not None:
                    with suppress(OSError):  # not that of TLS, which would take its reader apart
                        socket.socket.shutdown(made.sock, socket.SHUT_RDWR)


class _Redirects(HTTPRedirectHandler):
    """Follows none: where the news goes is the user's decision."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post_once(
    url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float
) -> str | None:
    """Post to an address that `is_web_address` allows; proxies of the environment are used.

    The whole call has `timeout_seconds`, however slowly its reply drips in.
    """
    request = Request(url, body, dict(headers), method="POST")  # noqa: S310 - http and https alone
    limited, done = _Limited(), threading.Event()
    threading.Thread(target=limited.guard, args=(timeout_seconds, done), daemon=True).start()
    try:
        with build_opener(_Redirects, limited).open(request, timeout=timeout_seconds) as reply:
            status: int = reply.status
    except HTTPError as error:
        error.close()
        status = error.code
    except (TimeoutError, URLError, OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, URLError) else error
        late = limited.was_cut or isinstance(cause, TimeoutError)
        return "timeout" if late else "unreachable"
    finally:
        done.set()
    if status in OK:
        return None
    return "redirected" if status in MOVED else f"http_{status}"
