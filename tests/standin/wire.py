"""How the stand-in talks on the wire: messages and errors in the API's form, and silence."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, before it is known whether it arrives."""

    content: list[dict[str, Any]]
    stop_reason: str
    input_tokens: int
    output_tokens: int
    cost_nano_usd: int


def make_reply(body: dict[str, Any], answer: Answer, request_id: str) -> JSONResponse:
    refused = answer.stop_reason == "refusal"
    return JSONResponse(
        {
            "id": request_id.replace("req_", "msg_"),
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": answer.content,
            "stop_reason": answer.stop_reason,
            "stop_sequence": None,
            "stop_details": {"type": "refusal", "category": None} if refused else None,
            "usage": {
                "input_tokens": answer.input_tokens,
                "output_tokens": answer.output_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "service_tier": "standard",
            },
        },
        headers={"request-id": request_id},
    )


def make_refusal(status: int, kind: str, cause: str | None, request_id: str) -> JSONResponse:
    """An error as the API words it; the cause is its stable code where the API has one."""
    error: dict[str, Any] = {"type": kind, "message": cause or "simulated"}
    if cause is not None and kind == "rate_limit_error":
        error["details"] = {"error_code": cause}
    return JSONResponse(
        {"type": "error", "error": error, "request_id": request_id},
        status,
        headers={"request-id": request_id},
    )


async def wait_for_the_end(receive: Receive) -> None:
    """Say nothing until the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def hang_up(receive: Receive) -> None:
    """End the connection; uvicorn's own cycle holds it, ASGI has no word for it."""
    receive.__self__.transport.close()  # type: ignore[attr-defined]
    await wait_for_the_end(receive)
