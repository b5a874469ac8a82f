"""Written and scored rows on a device that fails at any of its calls, in any way."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engines.conformance import Tray, make_prompts
from tests.engines.writer import FRAME, LABELS, OTHER, UPPER, Make, WritingModel, capitals, write
from workers.engines.llama.model import NoSlotError, Piece
from workers.engines.llama.step import Budget
from workers.engines.llama.vocabulary import DecodeError

NARROW = Budget(step_tokens=50, context_tokens=150, cells=160, sequences=8, outputs=16)
TEXTS = [f"{number} words of a row"[: 6 + number] for number in range(9)]

faults = st.dictionaries(st.integers(0, 60), st.sampled_from([NoSlotError, DecodeError]))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(faults=faults, alone=st.booleans())
def test_any_failures_leave_every_row_answered_once(
    make_writer: Make, faults: dict[int, type[Exception]], alone: bool
) -> None:
    """Each row has its own right answer or the code of a failure, and the engine goes on."""
    calls = iter(range(1_000_000))

    def fail(pieces: Sequence[Piece], model: WritingModel) -> None:
        if error := faults.get(next(calls)):
            raise error

    engine, model = make_writer(fail, budget=NARROW)
    written, lonely, labels = Tray(9), Tray(3), Tray(12)
    engine.submit(make_prompts(TEXTS, frame=FRAME, choice=UPPER), written)
    rows = make_prompts(["x", "yy", "zzz"], frame=FRAME, choice=UPPER, first_key=20)
    engine.submit(rows, lonely, alone=alone)
    rows = make_prompts(["x" * 9] * 12, frame=OTHER, choice=LABELS, first_key=50)
    engine.submit(rows, labels)
    answers = {**written.wait(), **lonely.wait()}
    expected = dict(zip([*range(9), 20, 21, 22], [*capitals(TEXTS), "X", "YY", "ZZZ"], strict=True))
    for key, answer in answers.items():
        assert (answer.error or answer.text) in {expected[key], "engine_failed"}
        assert answer.error or answer.usage.output_tokens == len(expected[key]) + 1
    scored = labels.wait().values()
    assert {answer.error for answer in scored} <= {None, "engine_failed"}
    assert len({answer.text for answer in scored if answer.error is None}) <= 1
    failed = sum(bool(answer.error) for answer in [*answers.values(), *scored])
    assert failed <= len(faults)
    faults.clear()
    assert write(engine, ["after"], frame=FRAME) == ["AFTER"]
    engine.close()
    assert engine.counters().held_cells == sum(map(len, model.held))
