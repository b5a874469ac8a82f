"""One row's way, stage by stage, with a real Redis and the real model.

Reads as the architecture: file -> source -> jobs and chunks in SQL -> outbox -> dispatcher ->
message -> claim -> prompt -> engine -> reading -> gate -> attempt and result under the fence ->
closed batch -> view, export, row. The row's key travels inside every record.
"""

import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import submit
from jobs.export import Export, Style, Wish
from jobs.gate import Policy
from jobs.job import BatchStatus, Hint, JobStatus, queue_name
from jobs.prompt import Completion
from jobs.route import route_of
from jobs.source import Row, read_records
from jobs.spec import parse_spec, restore_spec
from jobs.store import Database, batches, checks, chunks, open_database, outbox, results, schema
from jobs.store import workers as roster
from jobs.store.workers import Worker
from jobs.tasks import build_task
from jobs.verdict import Plan, Tier, conclude
from workers.broker import Queues
from workers.dispatch import Dispatcher
from workers.engines import Engine
from workers.engines.load import load_engine
from workers.journal import Journal
from workers.models import find_model
from workers.settings import DeviceSection, DispatchSection, read_settings

SPEC = """
name = "trace"
[task]
kind = "classify"
labels = [
  { name = "refund", description = "money back", examples = ["I want my money back."] },
  { name = "delivery", description = "where is it", examples = ["My parcel never came."] },
]
[input]
id = "ticket"
text = "message"
keep = ["store"]
[gate]
mode = "threshold"
threshold = 0.0
"""
FILE = "ticket,store,message\n000123,大阪,Please give me my money back.\n"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'trace.db'}")
    schema.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    model = find_model(read_settings(environment={}), "smollm2-135m")
    loaded = load_engine(model, Journal(tmp_path / "journal.json"))
    yield loaded
    loaded.close()


@pytest.mark.integration
def test_a_row_keeps_its_key_from_the_file_to_the_result(
    tmp_path: Path, database: Database, engine: Engine, redis_url: str
) -> None:
    """A row read from a CSV file ends as one result with its own id, confidence and cost."""
    path = tmp_path / "tickets.csv"
    path.write_text(FILE, encoding="utf-8")
    spec = parse_spec(SPEC, "trace.toml")

    # source reads rows: an id stays the string it was
    (row,) = read_records(path, submit.shape_of(spec))
    assert isinstance(row, Row)
    assert (row.record_number, row.source_id) == (1, "000123")

    # jobs and chunks stand in SQL before anything is sent; the outbox owes one message
    batch = submit.submit(
        database, submit.hand_in(path, spec), language="en", wait=threading.Event().wait
    )
    assert batch.status is BatchStatus.OPEN
    (debt,) = outbox.debts(database)
    assert (debt.queue, debt.unsent) == (queue_name("smollm2-135m"), 1)

    # the dispatcher sends it; the message is a hint: a chunk and an epoch, nothing of the row
    queues = Queues(redis_url)
    assert Dispatcher(database, queues, DispatchSection()).tick().sent == 1
    message = next(queues.broker.consume(debt.queue))
    assert message is not None
    assert set(message.kwargs) == {"chunk_id", "epoch"}
    hint = Hint(**message.kwargs)

    # the worker claims the chunk: a lease on the database's clock, a fencing token
    worker = Worker("w1", "here", 1, "cpu", engine.model.name, engine.model.file_hash)
    roster.register(database, worker, engine.model.context_tokens)
    lease = chunks.claim(database, hint, worker, lease_seconds=60)
    assert lease is not None
    assert lease.token == 1
    assert chunks.claim(database, hint, worker, lease_seconds=60) is None
    (job,) = lease.jobs
    assert (job.row_number, job.source_id, job.text) == (1, "000123", row.text)

    # the task renders the prompt; the engine answers by key
    task = build_task(restore_spec(lease.spec))
    inbox: queue.SimpleQueue[Completion] = queue.SimpleQueue()
    engine.submit([task.render(job)], inbox.put)
    completion = inbox.get(timeout=60)
    assert completion.key == job.job_id
    assert sum(probability for _, probability in completion.scores) == pytest.approx(1)

    # the same task reads it, the gate judges it, the device's rate prices it
    plan = Plan(task, Policy("threshold", 0.0), route_of(spec), lease.language)
    tier = Tier(lease.tier, worker.model_name, worker.model_hash, DeviceSection().rate)
    outcome = conclude(plan, tier, job, completion)
    assert (outcome.status, outcome.attempt.reason_code) == (JobStatus.DONE, "above_threshold")
    assert outcome.attempt.cost_nano_usd > 0

    # attempt and result are written under the fence; the batch closes
    chunks.commit(database, lease, [outcome])
    assert batches.close_finished(database) == [batch.batch_id]
    assert checks.find_violations(database) == []

    # analysts see it in the view, exports carry it, `sekisho row` prints its whole life
    (line,) = results.stream_results(database, batch.batch_id)
    assert (line["source_id"], line["status"]) == ("000123", "done")
    assert line["label"] == outcome.attempt.label
    assert line["confidence"] == outcome.attempt.confidence
    assert line["attributes"] == {"store": "大阪"}
    Export(database, batch, Wish()).write_file(tmp_path / "out.csv", Style("csv"))
    assert b"000123," in (tmp_path / "out.csv").read_bytes()
    life = results.row_life(database, batch.batch_id, source_id="000123")
    assert life.text == row.text
    assert json.dumps(life.attempts[0]["signals"]["probabilities"])
    queues.close()
