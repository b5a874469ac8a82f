"""A stand-in for the company's model servers: real HTTP, each one's dialect, ordered trouble.

    with run_model_server(Speaker("lm-studio")) as server:
        server.url, server.calls

The shapes are those of the servers' own documents. It shares no code with what it is to judge.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.standin.answers import make_answer
from tests.standin.running import serve_in_thread
from tests.standin.wire import hang_up, wait_for_the_end

Kind = Literal[
    "llama-server", "llama-cpp-python", "ollama", "lm-studio", "vllm", "nim", "dynamo", "openai"
]
Trouble = Literal[
    "busy", "loading", "error", "error_in_200", "html", "half", "hang", "reset", "refused",
    "too_long", "key", "not_there", "redirect", "no_choices",
]  # fmt: skip
FORMS: Mapping[Kind, str] = {
    "llama-server": "json_schema",
    "llama-cpp-python": "json_object_schema",
    "ollama": "json_schema",
    "lm-studio": "json_schema",
    "vllm": "json_schema",
    "nim": "nvext",
    "dynamo": "json_object",
    "openai": "words",
}
"""How each keeps an answer to a schema: the one form it takes; it ignores or refuses others."""
OWNERS: Mapping[Kind, str] = {
    "llama-server": "llamacpp",
    "llama-cpp-python": "me",
    "ollama": "library",
    "lm-studio": "organization_owner",
    "vllm": "vllm",
    "nim": "vllm",
    "dynamo": "nvidia",
    "openai": "somebody",
}
Decide = Callable[[str, int], Trouble | None]
"""Row text and the number of the call (from 1) -> what goes wrong with it."""


@dataclass
class Speaker:
    """One server: its dialect, the models it lists, what it answers and when it does not.

    `logprobs` is what stands under that name in an answer: `tokens` with the model's own numbers,
    `sure` after the schema was applied, `null`, or `error` where asking for them is refused.
    `enforces` False: a schema is accepted and ignored.
    """

    kind: Kind = "vllm"
    models: list[str] = field(default_factory=lambda: ["stand-in-7b"])
    logprobs: Literal["tokens", "sure", "null", "error"] = "tokens"
    enforces: bool = True
    context_tokens: int = 4096
    digest: str = "sha-1"
    trouble: Decide = lambda text, number: None
    listing: Trouble | None = None
    oracle: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    asked: int = 0
    most_at_once: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    _now: int = 0

    @property
    def rows(self) -> list[str]:
        """The user turns that were asked, the probes' own left out."""
        turns = [call["messages"][-1]["content"] for call in self.calls]
        return [turn for turn in turns if turn != "Say hello."]

    def application(self) -> Starlette:
        """Return the ASGI application."""
        pages: dict[str, Callable[[], Any]] = {"/v1/models": self._list}
        if self.kind == "llama-server":
            pages["/props"] = lambda: {
                "default_generation_settings": {"n_ctx": self.context_tokens},
                "total_slots": 3,
                "build_info": "b7000-abc",
                "chat_template": "{{ messages }}",
            }
        if self.kind == "ollama":
            pages["/api/version"] = lambda: {"version": "0.40.1"}
            pages["/api/tags"] = lambda: {"models": [self._tag(name) for name in self.models]}
            pages["/api/ps"] = lambda: {
                "models": [
                    {"name": name, "context_length": self.context_tokens} for name in self.models
                ]
            }
        if self.kind == "lm-studio":
            pages["/api/v0/models"] = lambda: {
                "data": [
                    {
                        "id": name,
                        "arch": "llama",
                        "quantization": self.digest,
                        "max_context_length": 131_072,
                        "loaded_context_length": self.context_tokens,
                    }
                    for name in self.models
                ]
            }
        if self.kind in ("vllm", "nim"):
            pages["/version"] = lambda: {"version": "0.12.0"}
        if self.kind == "nim":
            pages["/v1/version"] = lambda: {"release": "1.13.0", "api": "1.13.0"}
        routes = [Route(path, self._page(make)) for path, make in pages.items()]
        chat = Route("/v1/chat/completions", _Chat(self), methods=["POST"])
        return Starlette(routes=[*routes, chat], exception_handlers={404: self._not_found})

    def _tag(self, name: str) -> dict[str, Any]:
        return {"name": name, "digest": self.digest, "size": 1, "details": {}}

    def _page(self, make: Callable[[], Any]) -> Callable[[Request], Response]:
        def show(request: Request) -> Response:
            if self.listing is not None:
                return self.refuse(self.listing)
            if self.key is not None and not self.knows(request):
                return self.refuse("key")
            return JSONResponse(make())

        return show

    def knows(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def _not_found(self, request: Request, _: Exception) -> Response:
        if self.kind == "lm-studio":  # it answers 200
            page = f"Unexpected endpoint or method. ({request.method} {request.url.path})"
            return JSONResponse({"error": page})
        return JSONResponse({"error": {"message": "File Not Found", "code": 404}}, 404)

    def _list(self) -> dict[str, Any]:
        entries = []
        for name in self.models:
            entry: dict[str, Any] = {"id": name, "object": "model", "owned_by": OWNERS[self.kind]}
            if self.kind == "llama-server":
                entry["meta"] = {"n_params": 7, "size": 9, "n_embd": 5}
            if self.kind in ("vllm", "nim"):
                entry |= {"root": name, "max_model_len": self.context_tokens}
            entries.append(entry)
        return {"object": "list", "data": entries}

    def refuse(self, trouble: Trouble) -> Response:
        """Return a reply that is no answer, as servers and what stands before them send it."""
        error: dict[str, tuple[int, str]] = {
            "busy": (429, "too many requests"),
            "loading": (503, "Loading model"),
            "error": (500, "boom"),
            "error_in_200": (200, "Unexpected endpoint or method."),
            "refused": (400, "no"),
            "too_long": (400, "This model's maximum context length is 4096 tokens."),
            "key": (401, "Invalid API Key"),
            "not_there": (404, "model not found"),
        }
        if trouble in error:
            status, words = error[trouble]
            body = {"error": {"message": words, "type": "error", "code": status}}
            headers = {"retry-after": "0"} if trouble == "busy" else {}
            return JSONResponse(body, status, headers=headers)
        if trouble == "redirect":
            return RedirectResponse("http://192.0.2.1/v1/models", 307)
        if trouble == "half":
            return Response('{"choices": [{"mess', media_type="application/json")
        if trouble == "no_choices":
            return JSONResponse({"object": "chat.completion", "choices": []})
        return HTMLResponse("<html><body>Welcome</body></html>")

    def reply(self, body: dict[str, Any]) -> Response:
        """Answer a question, held to its schema where this server holds answers to schemas."""
        if self.logprobs == "error" and body.get("logprobs"):
            return self.refuse("error")
        form, schema = find_form(body)
        if form == "json_schema" and FORMS[self.kind] in ("json_object_schema", "nvext"):
            return self.refuse("error")  # as a strict reader of requests does
        if form != "words" and self.kind == "openai":
            return self.refuse("refused")
        user = body["messages"][-1]["content"]
        held = form == FORMS[self.kind] and self.enforces and schema is not None
        if user == "Say hello." and not held:
            said = '{"greeting": "hello"}' if form == "json_object" else "Hello!"
        else:
            said = self._say(schema or find_told_schema(body), user)
        tokens = cut(said)
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": said},
            "logprobs": None,
        }
        if body.get("logprobs") and self.logprobs in ("tokens", "sure"):
            logprob = -0.0 if self.logprobs == "sure" else -1.25
            choice["logprobs"] = {
                "content": [
                    {"token": token, "bytes": list(token.encode()), "logprob": logprob}
                    for token in tokens
                ]
            }
        read = sum(len(message["content"]) for message in body["messages"]) // 3
        usage = {"prompt_tokens": read, "completion_tokens": len(tokens)}
        return JSONResponse({"object": "chat.completion", "choices": [choice], "usage": usage})

    def _say(self, schema: Any, user: str) -> str:
        known = next((value for text, value in self.oracle.items() if text in user), None)
        return json.dumps(known if known is not None else make_answer(schema, user))

    def enter(self) -> None:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)

    def leave(self) -> None:
        self._now -= 1


@dataclass(frozen=True)
class RunningModelServer:
    """A stand-in that listens."""

    url: str
    speaker: Speaker


@contextmanager
def run_model_server(speaker: Speaker | None = None) -> Iterator[RunningModelServer]:
    """Yield a model server that runs in a thread of this process; it ends with the block."""
    speaker = speaker or Speaker()
    with serve_in_thread(speaker.application()) as url:
        yield RunningModelServer(f"{url}/v1", speaker)


def find_form(body: Mapping[str, Any]) -> tuple[str, Any]:
    """Return in which form a body asks for a schema, and the schema."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return "json_schema", wanted["json_schema"]["schema"]
    if wanted.get("type") == "json_object":
        schema = wanted.get("schema")
        return ("json_object" if schema is None else "json_object_schema"), schema
    if "guided_json" in body:
        return "guided_json", body["guided_json"]
    if "nvext" in body:
        return "nvext", body["nvext"]["guided_json"]
    return "words", None


def find_told_schema(body: Mapping[str, Any]) -> Any:
    """Return the schema that stands in words in the system turn."""
    return json.loads(body["messages"][0]["content"].rpartition("\n")[2])


def cut(text: str) -> list[str]:
    """Cut a text into tokens of three characters."""
    return [text[at : at + 3] for at in range(0, len(text), 3)]


class _Chat:
    """POST /v1/chat/completions, as plain ASGI: a reply may have to end in the middle."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        speaker = self._speaker
        request = Request(scope, receive)
        body = json.loads(await request.body())
        speaker.calls.append(body)
        speaker.headers.append(dict(request.headers))
        speaker.asked += 1
        speaker.enter()
        try:
            await self._answer(scope, receive, send, request, body)
        finally:
            speaker.leave()

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, request: Request, body: dict[str, Any]
    ) -> None:
        speaker = self._speaker
        trouble = speaker.trouble(body["messages"][-1]["content"], speaker.asked)
        if speaker.key is not None and not speaker.knows(request):
            trouble = "key"
        if trouble == "hang":
            speaker.arrived.set()
            await wait_for_the_end(receive)
        elif trouble == "reset":
            await hang_up(receive)
        else:
            response = speaker.reply(body) if trouble is None else speaker.refuse(trouble)
            await response(scope, receive, send)
