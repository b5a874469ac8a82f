"""One question to one server, and what came of it."""

from dataclasses import replace
from typing import Final

import structlog

from jobs.prompt import Question
from workers.engines.openai.dialects import CUTS_SILENTLY
from workers.engines.openai.failures import Meaning, explain
from workers.engines.openai.probe import Profile
from workers.engines.openai.reply import Reply, read_reply
from workers.engines.openai.request import HELD, Form, build_body
from workers.engines.openai.server import Server
from workers.engines.openai.wire import Heard, WireError

MOST_BYTES_PER_TOKEN: Final = 32
"""A text with more of them was not read to its end."""

Result = Reply | Meaning | WireError

log = structlog.get_logger()


async def ask(server: Server, question: Question, thinking_tokens: int = 0) -> Result:
    """Ask, and read the reply. A schema that the server refuses is put into words, once and for
    all: its answers are then held to it by nobody but the task."""
    profile = server.profile
    if profile is None:
        return Meaning("not_served", "server_unreachable")
    if thinking_tokens:
        question = replace(question, max_tokens=question.max_tokens + thinking_tokens)
    form: Form = "words" if question.schema in server.unfit_schemas else profile.form
    try:
        heard = await _call(server, profile, question, form)
        meaning = explain(heard)
        if meaning.kind == "row_refused" and form in HELD:
            form = "words"
            heard = await _call(server, profile, question, form)
            meaning = explain(heard)
            if meaning.kind == "answer":
                server.unfit_schemas.add(question.schema)
                log.warning("server_refuses_schema", server=server.shown)
    except WireError as error:
        return error
    if meaning.kind != "answer":
        return meaning
    reply = read_reply(heard.data, fenced=form not in HELD)
    if reply is None:
        return Meaning("fault", "server_nonsense")
    return Meaning("too_long") if _was_too_long(profile, question, reply) else reply


async def _call(server: Server, profile: Profile, question: Question, form: Form) -> Heard:
    body = build_body(profile.identity.model, question, form, logprobs=profile.logprobs)
    return await server.wire.call("chat/completions", body)


def _was_too_long(profile: Profile, question: Question, reply: Reply) -> bool:
    """Say whether the context was full: a text was cut silently, or the answer had no room."""
    read, most = reply.prompt_tokens, profile.identity.context_tokens
    if read is None or read == 0:
        return False
    size = len(question.user.encode("utf-8", "replace"))
    if profile.identity.dialect in CUTS_SILENTLY and size > read * MOST_BYTES_PER_TOKEN:
        return True
    if most is None:
        return False
    full = read + (reply.output_tokens or 0) >= most
    return read >= most or (full and reply.finish == "length")
