"""The stand-in as an ASGI application: takes a message, goes wrong as told, keeps its book.

Everything runs on one event loop, so that counting, charging and writing down are one step.
"""

import json
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.standin.answers import make_answer
from tests.standin.invoice import Entry, charge
from tests.standin.script import Fault, Script
from tests.standin.strict import find_problem, thinks
from tests.standin.wire import Answer, hang_up, make_refusal, make_reply, wait_for_the_end

BYTES_PER_TOKEN = 3
OVERHEAD_TOKENS = 20
THINKING_TOKENS = 64
TURNED_AWAY: dict[str, tuple[int, str, str | None]] = {
    "bad_request": (400, "invalid_request_error", None),
    "key_refused": (401, "authentication_error", None),
    "payment_required": (402, "billing_error", None),
    "not_allowed": (403, "permission_error", None),
    "too_large": (413, "invalid_request_error", None),
    "rate_limited": (429, "rate_limit_error", None),
    "spend_limit": (429, "rate_limit_error", "enforced_spend_limit_reached"),
    "server_error": (500, "api_error", None),
    "overloaded": (529, "overloaded_error", None),
}
UNSEEN = {"server_error_accepted", "hang_accepted", "drop_accepted", "cut_body", "unreadable"}


class StandIn:
    """The state behind the application."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.entries: list[Entry] = []
        self.arrived = 0
        self._fired: dict[int, int] = {}

    @property
    def invoice_nano_usd(self) -> int:
        return sum(entry.cost_nano_usd for entry in self.entries)

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/messages", _Messages(self), methods=["POST"]),
                Route("/invoice", self._show_invoice),
                Route("/requests", self._show_requests),
                Route("/healthz", lambda _: JSONResponse({"ok": True})),
            ]
        )

    def choose_fault(self, text: str) -> Fault | None:
        """Return what goes wrong with the request that arrived last, and count it."""
        for number, fault in enumerate(self.script.faults):
            fired = self._fired.get(number, 0)
            if fault.fits(self.arrived, text) and (fault.times is None or fired < fault.times):
                self._fired[number] = fired + 1
                return fault
        return None

    def answer(self, body: dict[str, Any], kind: str | None) -> Answer:
        """Let the model speak; charges are decided here."""
        text = body["messages"][-1]["content"]
        schema = body.get("output_config", {}).get("format", {}).get("schema")
        read = OVERHEAD_TOKENS + _count(json.dumps([body.get("system"), body["messages"], schema]))
        if kind == "refusal":
            return Answer([], "refusal", read, 0, 0)
        said = self._speak(schema, text)
        limit = body["max_tokens"]
        content, stop_reason, written = [], "end_turn", _count(said)
        if thinks(body):
            content.append({"type": "thinking", "thinking": "", "signature": "simulated"})
            written += THINKING_TOKENS
        if kind == "garbage":
            said = f"Certainly! {said[: len(said) // 2]}"
        elif kind == "max_tokens" or written > limit:
            said, stop_reason, written = said[: len(said) // 2], "max_tokens", limit
        elif kind == "refusal_midway":
            said, stop_reason = said[: len(said) // 2], "refusal"
        content.append({"type": "text", "text": said})
        return Answer(content, stop_reason, read, written, charge(body["model"], read, written))

    def _speak(self, schema: dict[str, Any] | None, text: str) -> str:
        known = self.script.answer(text)
        if known is None:
            known = {"text": text} if schema is None else make_answer(schema, text)
        return json.dumps(known, ensure_ascii=False)

    async def _show_invoice(self, _: Request) -> Response:
        models = {entry.model for entry in self.entries}
        return JSONResponse(
            {
                "total_nano_usd": self.invoice_nano_usd,
                "requests": len(self.entries),
                "unanswered_nano_usd": sum(
                    entry.cost_nano_usd for entry in self.entries if not entry.answered
                ),
                "models": {
                    model: sum(e.cost_nano_usd for e in self.entries if e.model == model)
                    for model in sorted(models)
                },
            }
        )

    async def _show_requests(self, _: Request) -> Response:
        return JSONResponse(
            {"arrived": self.arrived, "accepted": [asdict(entry) for entry in self.entries]}
        )


class _Messages:
    """POST /v1/messages, as plain ASGI: a reply may have to end in the middle."""

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        standin = self._standin
        request = Request(scope, receive)
        raw = await request.body()
        standin.arrived += 1
        ordinal = standin.arrived
        request_id = f"req_standin_{ordinal:06d}"
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        refused = self._turn_away(request, body)
        if refused is not None:
            await make_refusal(*refused, request_id)(scope, receive, send)
            return
        fault = standin.choose_fault(body["messages"][-1]["content"])
        kind = None if fault is None else fault.kind
        if fault is not None and fault.kind in TURNED_AWAY:
            response = make_refusal(*TURNED_AWAY[fault.kind], request_id)
            if fault.kind in ("rate_limited", "overloaded"):
                response.headers["retry-after"] = f"{fault.retry_after_seconds:g}"
            await response(scope, receive, send)
            return
        if kind == "hang":
            await wait_for_the_end(receive)
            return
        if kind == "drop":
            await hang_up(receive)
            return
        await self._answer(scope, receive, send, body, kind, ordinal, request_id)

    def _turn_away(
        self, request: Request, body: dict[str, Any] | None
    ) -> tuple[int, str, str | None] | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key or self._standin.script.key not in (None, key):
            return TURNED_AWAY["key_refused"]
        problem = find_problem(body, request.headers.get("anthropic-version"))
        if problem is None:
            return None
        status, words = problem
        return status, "not_found_error" if status == 404 else "invalid_request_error", words

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        body: dict[str, Any],
        kind: str | None,
        ordinal: int,
        request_id: str,
    ) -> None:
        """Charge first, then hand the reply over, or not."""
        answer = self._standin.answer(body, kind)
        entry = Entry(
            ordinal,
            request_id,
            body["model"],
            body,
            answer.input_tokens,
            answer.output_tokens,
            answer.cost_nano_usd,
            answer.stop_reason,
            answered=kind not in UNSEEN,
        )
        self._standin.entries.append(entry)
        if kind == "hang_accepted":
            await wait_for_the_end(receive)
        elif kind == "drop_accepted":
            await hang_up(receive)
        elif kind == "server_error_accepted":
            await make_refusal(*TURNED_AWAY["server_error"], request_id)(scope, receive, send)
        elif kind == "unreadable":
            page = Response("<html>", media_type="application/json")
            page.headers["request-id"] = request_id
            await page(scope, receive, send)
        elif kind == "cut_body":
            whole = make_reply(body, answer, request_id)
            head = {"type": "http.response.start", "status": 200, "headers": whole.raw_headers}
            await send(head)
            half = bytes(whole.body)[: len(whole.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await hang_up(receive)
        else:
            await make_reply(body, answer, request_id)(scope, receive, send)


def _count(text: str) -> int:
    return 1 + len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN
