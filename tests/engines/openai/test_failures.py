"""What replies mean, in the words of the servers that send them."""

from typing import Any

import pytest

from workers.engines.openai.failures import Kind, explain, find_error
from workers.engines.openai.wire import Heard

GOOD = {"choices": [{"message": {"content": "{}"}}]}


@pytest.mark.parametrize(
    ("status", "data", "kind"),
    [
        (200, GOOD, "answer"),
        (200, {"error": "Unexpected endpoint or method. (POST /v1/x)"}, "fault"),  # LM Studio
        (200, None, "fault"),
        (200, {"choices": None}, "fault"),
        (200, [], "fault"),
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
         "loading"),  # llama-server
        (503, {"error": {"message": "server busy, please try again."}}, "busy"),  # Ollama
        (503, None, "busy"),
        (429, {"error": {"message": "rate"}}, "busy"),
        (400, {"error": {"code": 400, "message": "request (8031 tokens) exceeds the available "
               "context size (2048 tokens)", "type": "exceed_context_size_error"}}, "too_long"),
        (400, {"error": {"message": "This model's maximum context length is 2048 tokens. However",
               "code": "context_length_exceeded"}}, "too_long"),  # llama-cpp-python
        (400, {"object": "error", "message": "This model's maximum context length is 4096 tokens.",
               "type": "BadRequestError", "code": 400}, "too_long"),  # older vLLM
        (500, {"error": "input length exceeds maximum context length"}, "too_long"),  # Ollama
        (400, {"error": {"message": "Failed to parse grammar"}}, "row_refused"),
        (422, {"detail": [{"msg": "field"}]}, "row_refused"),
        (401, {"error": {"message": "Invalid API Key"}}, "not_served"),
        (403, None, "not_served"),
        (404, {"error": {"message": "model not found"}}, "not_served"),
        (307, None, "not_served"),
        (500, {"error": {"message": "boom"}}, "fault"),
        (502, None, "fault"),
    ],
)  # fmt: skip
def test_a_reply_is_understood(status: int, data: Any, kind: Kind) -> None:
    """By its status and its form; by its words only where nothing else tells."""
    assert explain(Heard(status, data)).kind == kind


def test_the_wait_that_is_asked_for_is_kept() -> None:
    """Retry-After comes with a server that is busy."""
    assert explain(Heard(429, {"error": "x"}, 7.0)).retry_after_seconds == 7.0


def test_words_of_a_server_go_no_further() -> None:
    """They may quote the row: a meaning holds a code of ours and no words."""
    said = "cannot read: my card number is 1234"
    assert said not in repr(explain(Heard(400, {"error": {"message": said}})))


@pytest.mark.parametrize("data", [None, [], "x", {"choices": []}, {"error": None}])
def test_no_error_is_found_where_none_is(data: Any) -> None:
    """An error is an object or words under its name."""
    assert find_error(data) is None
