"""What is measured: each work makes its rows, runs both sides in turn, and says what it found."""

import csv
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.memory import PARTS, kv_bytes, measure_memory
from benchmarks.own import Answers, Loading, ask, open_engine
from benchmarks.peers import BatchedBench, open_loop
from benchmarks.prompts import Item, Words, choose_labels, make_labels, read_lines, write_grammar
from benchmarks.server import Options, Read, Reply, ServerPlace, watch_idle
from benchmarks.table import Entry, Finding, Pair, Run, Side, find_span, take_turns
from jobs.prompt import Frame, FreeText, JsonText, LabelChoice
from workers.engines.llama import LlamaEngine

PREFIX_TOKENS: Final = 540
ROW_TOKENS: Final = 70
TRIAL_ROWS: Final = 64
BUSY_IDLE: Final = 0.05  # processors; an idle side above it disturbs the other
CANDIDATES: Final = ("refund", "delivery", "praise", "question", "account", "other", "payment")
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "city": {"type": "string", "maxLength": 40},
        "kind": {"type": "string", "enum": ["order", "return", "question"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 999},
        "urgent": {"type": "boolean"},
        "summary": {"type": "string", "maxLength": 120},
    },
    "required": ["name", "city", "kind", "count", "urgent", "summary"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything; `rows` None is what each work says."""

    repeats: int
    rows: int | None
    batches: tuple[int, ...]
    prompt_tokens: int
    output_tokens: int
    memory_rows: int

    def count(self, usual: int) -> int:
        return self.rows or usual


@dataclass(frozen=True, slots=True)
class Setup:
    """The file, the sizes, and the peers that were given."""

    loading: Loading
    words: Words
    sizes: Sizes
    server: ServerPlace | None
    batched_bench: BatchedBench | None
    loop: bool
    prepared: Path | None
    data: Path


Work = Callable[[Setup], list[Entry]]
Rows = Callable[[object], list[Item]]  # by the repetition, each with other rows
Finish = Callable[[Answers], Run]


@dataclass(frozen=True, slots=True)
class Contest:
    """One comparison by its rows; peers are added to it one by one."""

    work: str
    case: str
    unit: str
    rows: Rows
    finish: Finish
    facts: tuple[tuple[str, str], ...] = ()  # (unit, fact) stated beside the rate

    def own(self, engine: LlamaEngine) -> Side:
        return lambda repetition: self.finish(ask(engine, self.rows(repetition)))

    def hold(
        self, setup: Setup, engine: LlamaEngine, peers: Mapping[str, Side], notes: Sequence[str]
    ) -> list[Entry]:
        """Run all sides in turn and return what to print."""
        runs = take_turns(self.own(engine), peers, setup.sizes.repeats)
        notes = [*notes, _watch("own", watch_idle(os.getpid()))]
        own = runs.pop("")
        if not runs:
            rates = tuple(run.rate for run in own)
            said = [*notes, *_state(own), f"failed {sum(run.failed for run in own)}"]
            return [Finding(self.work, self.case, self.unit, rates, tuple(said))]
        entries: list[Entry] = []
        for name, theirs in runs.items():
            pair = Pair(self.work, self.case, self.unit, own, name, theirs)
            said = [*notes, *pair.disagreements("prompt tokens")]
            said += [f"{name}: {fact}" for fact in _state(theirs)]
            entries.append(replace(pair, notes=tuple(said)))
            entries += [pair.restate(unit, fact) for unit, fact in self.facts]
        return entries


def generate(setup: Setup) -> list[Entry]:
    """Prompts of random words, read and continued together, beside llama-batched-bench."""
    sizes, words = setup.sizes, setup.words
    frame = Frame("")
    head, tail = words.split(frame)
    room = sizes.prompt_tokens - len(head) - len(tail)
    constraint = write_on(sizes.output_tokens)
    entries: list[Entry] = []
    with open_engine(setup.loading) as engine:
        for batch in sizes.batches:

            def rows(repetition: object, batch: int = batch) -> list[Item]:
                return words.make_items(batch, frame, room, constraint, ("generate", repetition))

            def finish(answers: Answers, batch: int = batch) -> Run:
                nominal = batch * (sizes.prompt_tokens + sizes.output_tokens)
                run = answers.finish(
                    answers.counted.forwarded_tokens,
                    **{
                        "prompt tokens": answers.read_tokens,
                        "written tokens": answers.written_tokens,
                        "tok/s with the shared prefix counted for each row": nominal
                        / answers.seconds,
                    },
                )
                return replace(run, cut=0)  # the length is what was asked for

            peers: dict[str, Side] = {}
            if setup.batched_bench is not None:
                peers["llama-batched-bench"] = _bench_side(setup.batched_bench, batch, sizes)
            case = f"{sizes.prompt_tokens} + {sizes.output_tokens} tokens, B = {batch}"
            contest = Contest("generate", case, "tok/s", rows, finish)
            found = contest.hold(setup, engine, peers, [])
            entries += [_note_early_ends(entry, batch * sizes.output_tokens) for entry in found]
    return entries


def labels5(setup: Setup) -> list[Entry]:
    """Five labels with different first tokens behind a long prefix that all rows share."""
    words, count = setup.words, setup.sizes.count(500)
    rows = make_choice_rows(words, count)
    with ExitStack() as stack:
        contest = Contest("labels5", f"{count} rows", "rows/s", rows, _count_rows)
        trial = rows("trial")[:TRIAL_ROWS]
        labels = make_labels(trial)
        firsts = [tokens[0] for tokens in words.continue_with(trial[0].prompt.frame, labels)]
        bias = {"n_predict": 1, "logit_bias": [[token, 100.0] for token in firsts]}
        ways: dict[str, Options] = {
            "logit_bias": bias,
            "logit_bias, n_probs": {**bias, "n_probs": len(labels)},
            "grammar": {"n_predict": 1, "grammar": write_grammar(labels)},
        }
        peers, notes = _open_server(stack, setup, contest, trial, ways, _count_prefixes)
        if setup.loop:
            loop = stack.enter_context(open_loop(setup.loading, trial[:20], firsts))
            peers["Llama loop"] = lambda repetition: loop.choose(rows(repetition), firsts)
        engine = stack.enter_context(open_engine(setup.loading))
        return contest.hold(setup, engine, peers, notes)


def labels77(setup: Setup) -> list[Entry]:
    """The 77 labels of banking77, several tokens each; the peer writes one under a grammar."""
    path, names = (setup.data / f"cls_en_banking77_{end}" for end in ("dev.csv", "labels.json"))
    if not path.is_file() or not names.is_file():
        return _skip("labels77", f"no {path.name} in the folder of the data")
    texts = read_column(path, "text")
    labels = tuple(json.loads(names.read_text(encoding="utf-8")))
    words, count = setup.words, setup.sizes.count(200)
    frame = Frame(f"Choose the intent of a bank's customer: {', '.join(labels)}.", "Message: ")
    choice = LabelChoice(labels)
    longest = max(len(tokens) for tokens in words.continue_with(frame, labels))

    def rows(repetition: object) -> list[Item]:
        chosen = _take(texts, repetition, count)
        return [words.make_item(row, frame, text, choice) for row, text in enumerate(chosen)]

    with ExitStack() as stack:
        contest = Contest("labels77", f"{count} rows", "rows/s", rows, _count_rows)
        ways = {"grammar": {"n_predict": longest + 1, "grammar": write_grammar(labels)}}
        trial = rows("trial")[:TRIAL_ROWS]
        peers, notes = _open_server(stack, setup, contest, trial, ways, _count_labels)
        engine = stack.enter_context(open_engine(setup.loading))
        return contest.hold(setup, engine, peers, notes)


def json6(setup: Setup) -> list[Entry]:
    """JSON of six fields under a schema: beside a peer's, and beside our own free writing."""
    words, count, longest = setup.words, setup.sizes.count(32), 256
    schema = json.dumps(SCHEMA, separators=(",", ":"))
    frame = Frame(f"Answer with JSON for this schema: {schema}", "Message: ")

    def rows(repetition: object, constraint: JsonText | FreeText | None = None) -> list[Item]:
        wanted = constraint or JsonText(schema, longest)
        return words.make_items(count, frame, ROW_TOKENS, wanted, ("json6", repetition))

    with ExitStack() as stack:
        facts = (("written tok/s", "written tokens"),)
        case = f"{count} rows, 6 fields"
        contest = Contest("json6", case, "valid rows/s", rows, _count_json, facts)
        ways = {"json_schema": {"n_predict": longest, "json_schema": SCHEMA}}
        trial = rows("trial")[:TRIAL_ROWS]
        peers, notes = _open_server(stack, setup, contest, trial, ways, _count_objects)
        engine = stack.enter_context(open_engine(setup.loading))
        answers = ask(engine, rows("length"))
        free = write_on(max(1, answers.written_tokens // count))

        def write_freely(repetition: int) -> Run:
            return _count_written(ask(engine, rows(repetition, free)))

        entries = contest.hold(setup, engine, peers, notes) if peers else []
        plain = Contest("json6", case, "written tok/s", rows, _count_written)
        name = f"own, free writing of {free.max_tokens} tokens"
        return entries + plain.hold(setup, engine, {name: write_freely}, [])


def mixed(setup: Setup) -> list[Entry]:
    """Short and long translations and summaries of long texts, all in one submission."""
    words, count, longest = setup.words, setup.sizes.count(32), 128
    translate = Frame("Translate the text into French.", "Text: ")
    summarise = Frame("Summarise the text in two sentences.", "Text: ")
    lines = _read_texts(setup.data, "tra_*_dev.jsonl")
    documents = _read_texts(setup.data, "sum_en_*_dev.jsonl")
    constraint = FreeText(longest)

    def rows(repetition: object) -> list[Item]:
        items = []
        for row, text in enumerate(_take(lines, repetition, count)):
            seed, frame = ("mixed", repetition, row), translate
            if row % 4 == 3:
                frame, text = summarise, _take(documents, repetition, count)[row]  # noqa: PLW2901
                text = fill(words, text, 1500, seed)  # noqa: PLW2901
            elif row % 4 == 2:
                text = fill(words, text, 350, seed)  # noqa: PLW2901
            else:
                text = words.cut(text, 60) or words.make_text(20, seed)  # noqa: PLW2901
            items.append(words.make_item(row, frame, text, constraint))
        return items

    return _write_beside_server(setup, "mixed", count, longest, rows)


def free32(setup: Setup) -> list[Entry]:
    """Free writing, as long as the model wants, beside the `Llama` class in a loop."""
    words, count, longest = setup.words, setup.sizes.count(32), setup.sizes.output_tokens
    frame = Frame("", "Write a short story with these words: ")
    constraint = FreeText(longest)

    def rows(repetition: object) -> list[Item]:
        return words.make_items(count, frame, 40, constraint, ("free32", repetition))

    with ExitStack() as stack:
        contest = Contest("free32", f"{count} rows", "written tok/s", rows, _count_written)
        peers: dict[str, Side] = {}
        if setup.loop:
            trial = rows("trial")[:4]
            loop = stack.enter_context(open_loop(setup.loading, trial, (0, 1)))
            peers["Llama loop"] = lambda repetition: loop.write(rows(repetition), longest)
        engine = stack.enter_context(open_engine(setup.loading))
        return contest.hold(setup, engine, peers, [])


def prepared(setup: Setup) -> list[Entry]:
    """The prepared file beside the original one, both in our engine."""
    if setup.prepared is None:
        return _skip("prepared", "no prepared file was given")
    count = setup.sizes.count(500)
    rows = make_choice_rows(setup.words, count)
    other = replace(setup.loading, model=setup.prepared)
    with open_engine(other) as engine, open_engine(setup.loading) as original:
        facts = (("prompt tok/s", "forwarded tokens"),)
        contest = Contest("prepared", f"labels5, {count} rows", "rows/s", rows, _count_rows, facts)
        return contest.hold(setup, engine, {"the original file": contest.own(original)}, [])


def python_share(setup: Setup) -> list[Entry]:
    """What part of the time 32 rows are being written in is not spent in native calls."""
    sizes, words = setup.sizes, setup.words
    constraint = write_on(sizes.output_tokens)
    shares, pauses, natives = [], [], []
    with open_engine(setup.loading) as engine:
        for repetition in range(sizes.repeats + 1):
            seed = ("python_share", repetition)
            answers = ask(engine, words.make_items(32, Frame(""), 8, constraint, seed))
            if repetition:
                other = answers.seconds - answers.counted.busy_seconds
                shares.append(100 * other / answers.seconds)
                pauses.append(1000 * other / max(answers.counted.steps, 1))
                natives.append(1000 * answers.counted.busy_seconds / max(answers.counted.steps, 1))
    case = f"B = 32, {sizes.output_tokens} tokens"
    return [
        Finding("python_share", case, "% of the time", tuple(shares)),
        Finding("python_share", case, "ms a step outside native calls", tuple(pauses)),
        Finding("python_share", case, "ms a step inside native calls", tuple(natives)),
    ]


def memory(setup: Setup) -> list[Entry]:
    """What a process of its own holds after the load and after many rows."""
    words, rows = setup.words, setup.sizes.memory_rows
    frame = words.make_frame(200, CANDIDATES[:5])
    choice = LabelChoice(CANDIDATES[:5])
    parts = []
    for part in range(PARTS):
        size = max(rows // PARTS, 2)
        texts = words.make_items(size // 10 + 1, Frame(""), 40, FreeText(16), (part, "text"))
        rest = size - len(texts)
        parts.append(texts + words.make_items(rest, frame, 40, choice, (part, "choice")))
    cache = kv_bytes(words.metadata, setup.loading.cells)
    return measure_memory(setup.loading, cache, parts)


WORKS: Final[Mapping[str, Work]] = {
    "generate": generate,
    "labels5": labels5,
    "labels77": labels77,
    "json6": json6,
    "mixed": mixed,
    "free32": free32,
    "prepared": prepared,
    "python_share": python_share,
    "memory": memory,
}


def write_on(max_tokens: int) -> FreeText:
    """Return a constraint that writes exactly so many tokens, whatever the model would end."""
    known = "ignore_end" in FreeText.__dataclass_fields__
    options: dict[str, Any] = {"ignore_end": True} if known else {}
    return FreeText(max_tokens, **options)


def make_choice_rows(words: Words, count: int) -> Rows:
    """Return the maker of rows with five labels behind `PREFIX_TOKENS` shared tokens."""
    plain = words.make_frame(0, CANDIDATES)
    labels = tuple(choose_labels(words, plain, CANDIDATES, 5))
    frame = words.make_frame(PREFIX_TOKENS, labels)
    choice = LabelChoice(labels)
    return lambda repetition: words.make_items(
        count, frame, ROW_TOKENS, choice, ("choice", repetition)
    )


def fill(words: Words, text: str, tokens: int, seed: object) -> str:
    """Cut a text to at most `tokens`, or add random words until it is about that long."""
    text = words.cut(text, tokens)
    missing = tokens - len(words.tokenise(text)) - 1
    return f"{text} {words.make_text(missing, seed)}" if missing > 0 else text


def read_column(path: Path, name: str) -> list[str]:
    """Return a column of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def _write_beside_server(
    setup: Setup, work: str, count: int, longest: int, rows: Rows
) -> list[Entry]:
    facts = (("written tok/s", "written tokens"),)
    contest = Contest(work, f"{count} rows", "rows/s", rows, _count_rows, facts)
    with ExitStack() as stack:
        ways = {"": {"n_predict": longest}}
        trial = rows("trial")[:TRIAL_ROWS]
        peers, notes = _open_server(stack, setup, contest, trial, ways, _count_replies)
        engine = stack.enter_context(open_engine(setup.loading))
        return contest.hold(setup, engine, peers, notes)


def _open_server(
    stack: ExitStack,
    setup: Setup,
    contest: Contest,
    trial: Sequence[Item],
    ways: Mapping[str, Options],
    read: Read,
) -> tuple[dict[str, Side], list[str]]:
    """Return the server at its best as a peer, none if no server was given."""
    if setup.server is None:
        return {}, []
    longest = max(len(item.tokens) for item in trial)
    longest += max(int(options["n_predict"]) for options in ways.values()) + 64
    server, choice = stack.enter_context(setup.server.open_best(trial, ways, read, longest))
    sys.stderr.write(f"{contest.work}: {choice}\n")
    share = server.idle_share()
    notes = [] if math.isnan(share) else [_watch("llama-server", share)]

    def side(repetition: int) -> Run:
        return server.run(contest.rows(repetition), choice.options, choice.at_once, read)

    return {str(choice): side}, notes


def _watch(name: str, share: float) -> str:
    """Say what an idle side takes; too much of it falsifies the other side's runs."""
    warning = "BUSY WHILE IDLE, " if share > BUSY_IDLE else ""
    return f"{warning}{name} keeps {share:.2f} processors busy while it has nothing to do"


def _bench_side(bench: BatchedBench, batch: int, sizes: Sizes) -> Side:
    return lambda repetition: bench.measure(batch, sizes.prompt_tokens, sizes.output_tokens)


def _note_early_ends(entry: Entry, tokens: int) -> Entry:
    if isinstance(entry, Finding):
        return entry
    least = min(run.facts["written tokens"] for run in entry.own)
    said = [f"own: {fact}" for fact in _state(entry.own)]
    if least < tokens:
        said.append(f"NOT COMPARABLE: answers ended early, {least:,.0f} of {tokens:,} tokens")
    return replace(entry, notes=(*entry.notes, *said))


def _state(runs: Sequence[Run]) -> list[str]:
    """Return each fact with its median."""
    return [f"{name} {find_span([run.facts[name] for run in runs])}" for name in runs[0].facts]


def _skip(work: str, why: str) -> list[Entry]:
    sys.stderr.write(f"{work}: skipped, {why}\n")
    return []


def _take(texts: Sequence[str], repetition: object, count: int) -> list[str]:
    """Return other texts for each repetition, as far as there are enough; "" without any."""
    begin = (repetition + 1 if isinstance(repetition, int) else 0) * count
    return [texts[(begin + row) % len(texts)] if texts else "" for row in range(count)]


def _read_texts(folder: Path, pattern: str) -> list[str]:
    return [line["text"] for path in sorted(folder.glob(pattern)) for line in read_lines(path)]


def _facts(answers: Answers) -> dict[str, float]:
    return {
        "prompt tokens": answers.read_tokens,
        "written tokens": answers.written_tokens,
        "forwarded tokens": answers.counted.forwarded_tokens,
    }


def _count_rows(answers: Answers) -> Run:
    return answers.finish(answers.answered, **_facts(answers))


def _count_written(answers: Answers) -> Run:
    return answers.finish(answers.written_tokens, **_facts(answers))


def _count_json(answers: Answers) -> Run:
    valid = sum(is_object(done.text or "") for done in answers.completions)
    run = answers.finish(valid, **_facts(answers))
    return replace(run, failed=len(answers.completions) - valid)


def _count_replies(items: Sequence[Item], replies: Sequence[Reply]) -> int:
    return sum(reply.error is None for reply in replies)


def _count_objects(items: Sequence[Item], replies: Sequence[Reply]) -> int:
    return sum(is_object(reply.content) for reply in replies)


def _count_labels(items: Sequence[Item], replies: Sequence[Reply]) -> int:
    labels = make_labels(items)
    return sum(reply.content in labels for reply in replies)


def _count_prefixes(items: Sequence[Item], replies: Sequence[Reply]) -> int:
    """Count replies that are the beginning of a label: its first token tells it."""
    beginnings = make_labels(items)
    return sum(
        bool(reply.content.strip()) and any(one.startswith(reply.content) for one in beginnings)
        for reply in replies
    )


def is_object(text: str) -> bool:
    """Say whether an answer is a whole JSON object with the six fields."""
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and value.keys() == set(SCHEMA["required"])
