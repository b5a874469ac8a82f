"""Preparing a model: what is chosen, what is refused, what is left behind, what is used."""

import errno
import fcntl
import json
import os
import shutil
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.errors import ModelError, SettingError
from workers.engines import load, prepared
from workers.engines.host import count_cores
from workers.engines.llama import formats
from workers.engines.llama import measure as measuring
from workers.engines.llama import prepare as maker
from workers.engines.llama.formats import choose, choose_formats, compare, measure_noise
from workers.engines.llama.gguf import count_weights, hash_file
from workers.engines.llama.measure import Shares, Speed, answer_probe
from workers.engines.llama.prepare import Tools
from workers.engines.llama.probe import make_prompts
from workers.engines.prepared import (
    DEFAULT_FORMATS,
    Figures,
    Record,
    Request,
    find_prepared,
    list_folders,
    name_record,
    read_processor,
)
from workers.journal import Journal
from workers.models import ModelFile
from workers.settings import ModelSection

Q4_1 = {"q4_1": 100, "q8_0": 20}
TYPES = {"f32": (0, 4 * 64), "f16": (1, 2 * 64), "q4_1": (3, 40), "q8_0": (8, 68)}
RATES = {"q4_1": 100.0, "bf16": 300.0, "q8_0": 200.0, "q4_0": 310.0}
SURE: Shares = (0.9, 0.1)


def say_nothing(code: str, **params: object) -> None:
    """Nobody watches."""


def pack_gguf(form: str = "q4_1") -> bytes:
    """A GGUF of one matrix of 32 x 2 in a type, and nothing else."""
    kind, size = TYPES[form]
    tensor = struct.pack("<Q", 1) + b"w" + struct.pack("<IQQIQ", 2, 32, 2, kind, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor
    return header + b"\0" * (-len(header) % 32) + b"\1" * size


def figures(form: str, reading: float, agreement: float | None = 1.0) -> Figures:
    return Figures(
        format=form,
        bytes=1,
        threads=2,
        reading_by_threads={2: reading},
        reading_tokens_per_second=reading,
        writing_tokens_per_second=1.0,
        raw_agreement=agreement,
        agreement=agreement,
    )


def form_of(path: Path) -> str:
    """The format of a file that `Bench.quantize` wrote, or of the original."""
    return path.name.split("-")[-1].split(".")[0] if ".prepared-" in path.name else "q4_1"


class Bench:
    """Stands in for llama.cpp: writes small files and measures what a test wants."""

    def __init__(self) -> None:
        self.rates: Mapping[str, float] = RATES
        self.flips: Mapping[str, int] = {}
        self.share = 1.0
        self.written: list[str] = []
        self.asked: list[str] = []
        self.fails: Callable[[str], object] = lambda form: None

    def tools(self) -> Tools:
        return Tools(self.quantize, self.measure, self.answer)

    def quantize(self, source: Path, target: Path, form: str, *, threads: int) -> bool:
        self.written.append(form)
        target.write_bytes(b"GGUF" + form.encode())
        self.fails(form)
        return True

    def measure(self, path: Path, counts: Sequence[int]) -> Speed:
        rate = self.rates[form_of(path)]
        return Speed({counts[0]: rate}, counts[0], rate, 10.0, self.share)

    def answer(self, path: Path, threads: int, *, shuffled: bool = False) -> list[Shares]:
        self.asked.append(form_of(path))
        flips = self.flips.get(form_of(path), 0)
        return [SURE[::-1]] * flips + [SURE] * (100 - flips)


@pytest.fixture
def bench() -> Bench:
    """A bench of this test."""
    return Bench()


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    """A model of the user's own, in a folder that can be written."""
    path = tmp_path / "models" / "mine.gguf"
    path.parent.mkdir()
    path.write_bytes(pack_gguf())
    return ModelFile("mine", path, ModelSection())


def make(
    model: ModelFile, bench: Bench, request: Request | None = None, **options: Any
) -> tuple[Record, bool]:
    options = {"tools": bench.tools()} | options
    return maker.prepare(model, request or Request(), say_nothing, **options)


def files(model: ModelFile) -> list[str]:
    """What stands beside the model, without the lock."""
    assert model.path is not None
    return sorted(one.name for one in model.path.parent.iterdir() if "lock" not in one.name)


def edit_record(model: ModelFile, **changes: object) -> None:
    assert model.path is not None
    path = model.path.parent / name_record(model.path)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


class TestChoosing:
    """What is tried, and what wins."""

    def test_the_fastest_that_answers_the_same_wins(self) -> None:
        """Speed decides among those with 99% of the answers; a tenth is the least gain."""
        original = figures("q4_1", 100)
        good, off = figures("bf16", 300, 0.99), figures("q4_0", 900, 0.98)
        assert choose(original, [figures("q8_0", 200), good, off]) is good
        assert choose(original, [off, figures("q8_0", 109)]) is original
        assert choose(original, [figures("q8_0", 500, None)]) is original
        assert choose(original, []) is original

    def test_a_flip_within_the_noise_is_no_disagreement(self) -> None:
        """The lead that the original itself loses between two orders is the yardstick."""
        first = [(0.50, 0.45, 0.05), (0.90, 0.10, 0.0)]
        second = [(0.46, 0.49, 0.05), (0.90, 0.10, 0.0)]
        noise = measure_noise(first, second)
        assert noise == pytest.approx(0.08)
        assert compare(first, second, noise) == formats.Agreement(0.5, 1.0)
        other = [(0.50, 0.45, 0.05), (0.10, 0.90, 0.0)]
        assert compare(first, other, noise) == formats.Agreement(0.5, 0.5)
        assert measure_noise([(1.0, 0.0)], [(0.0, 1.0)]) == formats.NOISE_MAX
        assert compare(first, other, 0.0) == formats.Agreement(0.5, 0.5)

    @pytest.mark.parametrize(
        ("weights", "tried"),
        [
            (Q4_1, ["bf16", "q8_0"]),
            ({"q4_0": 10}, ["bf16", "q8_0"]),
            ({"q8_0": 10}, ["bf16"]),
            ({"f16": 10}, []),
            ({"bf16": 10}, []),
            ({"f32": 10}, []),
            ({"q4_1": 995, "f32": 5}, ["bf16", "q8_0"]),  # a router in F32 says nothing
            ({"q4_1": 90, "f16": 10}, []),  # but a tenth of the weights does
            ({"77": 10}, []),  # a type nobody knows loses nothing
        ],
    )
    def test_defaults_are_never_below_the_original(
        self, weights: Mapping[str, int], tried: list[str]
    ) -> None:
        """Of the default formats those below are left out without a word."""
        assert choose_formats(weights, Request()) == tried

    def test_sixteen_bits_are_only_kept_by_the_same_or_more(self) -> None:
        """BF16 drops mantissa of F16, F16 drops range of BF16; F32 drops nothing."""
        request = Request(formats=("f32",))
        assert choose_formats({"f16": 1}, request) == ["f32"]
        for own, other in (("f16", "bf16"), ("bf16", "f16"), ("f32", "f16"), ("q8_0", "q5_0")):
            with pytest.raises(SettingError) as caught:
                choose_formats({own: 1}, Request(formats=(other,)))
            assert caught.value.code == "prepare_format_lower"
            assert caught.value.params == {"format": other, "original": own}

    def test_a_lower_precision_must_be_allowed(self) -> None:
        """Asked for, every format is tried; one that does not exist never is."""
        allowed = Request(allow_lower_precision=True)
        assert choose_formats(Q4_1, allowed) == list(DEFAULT_FORMATS)
        with pytest.raises(SettingError) as caught:
            choose_formats(Q4_1, Request(formats=("q4_0",)))
        assert caught.value.code == "prepare_format_lower"
        with pytest.raises(SettingError) as caught:
            choose_formats(Q4_1, Request(formats=("int3",), allow_lower_precision=True))
        assert caught.value.code == "prepare_format_unknown"

    @pytest.mark.parametrize(
        ("cores", "counts"), [(1, [1]), (2, [2, 1]), (4, [4, 3, 2, 1]), (12, [12, 11, 6, 3, 1])]
    )
    def test_threads(self, cores: int, counts: list[int]) -> None:
        """Few cores are all tried; of many the larger part, and halves."""
        assert formats.list_thread_counts(cores) == counts

    def test_the_types_of_a_file(self, tmp_path: Path) -> None:
        """Matrices are counted by their type."""
        path = tmp_path / "a.gguf"
        path.write_bytes(pack_gguf("f16"))
        assert count_weights(path) == {"f16": 64}

    def test_the_probe_is_large_enough(self) -> None:
        """One flip of a hundred must be seen; every question stands once."""
        prompts = make_prompts()
        assert len(prompts) >= 90
        assert len({(one.frame, one.text) for one in prompts}) == len(prompts)


class TestMaking:
    """What is written, and what is left when it goes wrong."""

    def test_the_winner_stands_beside_the_model(self, model: ModelFile, bench: Bench) -> None:
        """One file and its record, with the hashes of both files; the losers are gone."""
        record, made = make(model, bench)
        assert made
        assert model.path is not None
        assert record.prepared is not None
        assert files(model) == sorted(["mine.gguf", name_record(model.path), record.prepared.name])
        assert (record.prepared.format, record.speedup) == ("bf16", 3.0)
        assert record.original.sha256 == hash_file(model.path)
        assert record.threads == count_cores()
        found = find_prepared(model, thorough=True)
        assert found.record == record
        assert found.path is not None
        assert hash_file(found.path) == record.prepared.sha256

    def test_what_reads_slower_is_not_asked(self, model: ModelFile, bench: Bench) -> None:
        """The original answers twice for its noise; a slower format is not worth the time."""
        record, _ = make(model, bench)
        assert bench.asked == ["q4_1", "q4_1", "bf16"]
        assert [one.agreement for one in record.measured] == [1.0, 1.0, None]

    def test_other_answers_lose(self, model: ModelFile, bench: Bench) -> None:
        """A faster format that answers otherwise is not taken, the next one is."""
        bench.flips = {"bf16": 2}
        record, _ = make(model, bench)
        assert record.prepared is not None
        assert record.prepared.format == "q8_0"
        assert sum(name.endswith(".gguf") for name in files(model)) == 2

    def test_the_original_may_be_best(self, model: ModelFile, bench: Bench) -> None:
        """Then there is a record and no second file; the threads are used all the same."""
        bench.rates = RATES | {"bf16": 90.0, "q8_0": 105.0}
        record, _ = make(model, bench)
        assert (record.prepared, record.speedup) == (None, 1.0)
        assert files(model) == ["mine.gguf", name_record(Path("mine.gguf"))]
        assert find_prepared(model).path is None
        assert find_prepared(model).record == record

    def test_a_busy_processor_chooses_no_threads(self, model: ModelFile, bench: Bench) -> None:
        """Threads that had to share a core look slow; their number is left as it is."""
        bench.share = 0.5
        assert make(model, bench)[0].threads is None

    def test_it_is_done_once(self, model: ModelFile, bench: Bench) -> None:
        """The same request again measures nothing; another one, or --force, does."""
        make(model, bench)
        bench.written.clear()
        assert make(model, bench)[1] is False
        assert bench.written == []
        lower = Request(allow_lower_precision=True)
        record, made = make(model, bench, lower)
        assert made
        assert record.prepared is not None
        assert record.prepared.format == "q4_0"
        assert [name for name in files(model) if name.endswith("bf16.gguf")] == []
        assert make(model, bench, lower, force=True)[1] is True

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
    def test_what_breaks_off_leaves_nothing(
        self, model: ModelFile, bench: Bench, kind: type[BaseException]
    ) -> None:
        """An interrupt in the midst of a file leaves the model as it was."""

        def stop(form: str) -> None:
            raise kind

        bench.fails = stop
        with pytest.raises(kind):
            make(model, bench)
        assert files(model) == ["mine.gguf"]

    def test_what_a_killed_one_left_is_removed(self, model: ModelFile, bench: Bench) -> None:
        """Parts that nobody finishes any more go with the next preparation."""
        assert model.path is not None
        part = model.path.parent / f".{prepared.name_stem(model.path)}-f16.partial"
        part.write_bytes(b"half")
        make(model, bench)
        assert not part.exists()

    def test_a_disk_that_is_too_small(
        self, model: ModelFile, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is said before anything is written."""
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
        with pytest.raises(ModelError) as caught:
            make(model, bench)
        assert caught.value.code == "prepare_no_space"
        assert bench.written == []
        assert files(model) == ["mine.gguf"]

    def test_a_disk_that_runs_full(
        self, model: ModelFile, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A record that cannot be written takes the file along."""
        real = os.fsync
        calls: list[int] = []

        def fsync(descriptor: int) -> None:
            calls.append(descriptor)
            if len(calls) > 1:
                raise OSError(errno.ENOSPC, "full")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(ModelError) as caught:
            make(model, bench)
        assert caught.value.code == "prepare_no_space"
        assert files(model) == ["mine.gguf"]

    def test_a_format_that_cannot_be_written(self, model: ModelFile, bench: Bench) -> None:
        """The others are tried without it, and the record says so."""
        good = bench.quantize

        def refuse(source: Path, target: Path, form: str, *, threads: int) -> bool:
            return good(source, target, form, threads=threads) and form != "bf16"

        record, _ = make(model, bench, tools=Tools(refuse, bench.measure, bench.answer))
        assert record.left_out == {"bf16": "prepare_not_written"}
        assert record.prepared is not None
        assert record.prepared.format == "q8_0"

    def test_a_format_that_cannot_be_loaded(self, model: ModelFile, bench: Bench) -> None:
        """It is left out, and its file goes, too."""

        def refuse(path: Path, counts: Sequence[int]) -> Speed:
            if form_of(path) == "bf16":
                raise ModelError("model_load_failed", path=path)
            return bench.measure(path, counts)

        record, _ = make(model, bench, tools=Tools(bench.quantize, refuse, bench.answer))
        assert record.left_out == {"bf16": "prepare_not_loaded"}
        assert len(files(model)) == 3

    def test_an_original_that_changes_meanwhile(self, model: ModelFile, bench: Bench) -> None:
        """What was measured is of no file that is still there."""
        path = model.path
        assert path is not None
        bench.fails = lambda form: path.write_bytes(pack_gguf())
        with pytest.raises(ModelError) as caught:
            make(model, bench)
        assert caught.value.code == "prepared_original_changed"
        assert files(model) == ["mine.gguf"]

    def test_a_model_in_several_files(self, model: ModelFile, bench: Bench) -> None:
        """The hash of its first file would not be the model's."""
        assert model.path is not None
        path = model.path.rename(model.path.with_name("big-00001-of-00002.gguf"))
        with pytest.raises(ModelError) as caught:
            make(ModelFile("big", path, model.section), bench)
        assert caught.value.code == "prepare_split"

    def test_two_at_once(self, model: ModelFile, bench: Bench) -> None:
        """The second one waits and finds it done."""
        inside, go_on = threading.Event(), threading.Event()

        def wait(form: str) -> None:
            inside.set()
            assert go_on.wait(10)

        bench.fails = wait
        other = Bench()
        results: list[bool] = []
        first = threading.Thread(target=lambda: results.append(make(model, bench)[1]))
        second = threading.Thread(target=lambda: results.append(make(model, other)[1]))
        first.start()
        assert inside.wait(10)
        second.start()
        go_on.set()
        first.join(10)
        second.join(10)
        assert sorted(results) == [False, True]
        assert other.written == []

    def test_a_folder_that_cannot_be_written(
        self,
        model: ModelFile,
        bench: Bench,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Then the user's cache takes it, where it is found again; a package's always does."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        beside = list_folders(model)[0]
        monkeypatch.setattr(os, "access", lambda folder, _: folder != beside)
        make(model, bench)
        assert files(model) == ["mine.gguf"]
        found = find_prepared(model)
        assert found.folder is not None
        assert found.folder.is_relative_to(tmp_path / "cache")
        monkeypatch.undo()
        packaged = ModelFile("p", model.path, model.section, packaged=True)
        assert len(list_folders(packaged)) == 1
        monkeypatch.setenv("XDG_CACHE_HOME", "no/home")
        assert list_folders(packaged) == []
        with pytest.raises(ModelError) as caught:
            make(packaged, bench)
        assert caught.value.code == "prepare_no_folder"

    def test_an_original_that_is_not_the_known_one(self, model: ModelFile, bench: Bench) -> None:
        """It is not prepared."""
        other = ModelFile("mine", model.path, model.section, "0" * 64)
        with pytest.raises(ModelError) as caught:
            make(other, bench)
        assert caught.value.code == "model_hash_differs"


class TestUsing:
    """A prepared file answers only while everything is as it was."""

    @pytest.fixture(autouse=True)
    def made(self, model: ModelFile, bench: Bench) -> Record:
        return make(model, bench)[0]

    def prepared_path(self, model: ModelFile) -> Path:
        path = find_prepared(model).path
        assert path is not None
        return path

    def test_nothing_prepared(self, tmp_path: Path) -> None:
        """A model without a record has no problem worth a word."""
        other = ModelFile("b", tmp_path / "b.gguf", ModelSection())
        assert find_prepared(other).problem == "prepared_none"
        assert find_prepared(ModelFile("c", None, ModelSection())).problem == "prepared_none"

    def test_another_original(self, model: ModelFile) -> None:
        """The same size and other bytes are another model; so is another known hash."""
        assert model.path is not None
        known = ModelFile("mine", model.path, model.section, "0" * 64)
        assert find_prepared(known).problem == "prepared_original_changed"
        content = model.path.read_bytes()
        model.path.write_bytes(content[:-1] + b"\2")
        assert find_prepared(model).problem == "prepared_original_changed"
        model.path.write_bytes(content)
        assert find_prepared(model).problem is None  # the bytes count, not the date

    def test_another_prepared_file(self, model: ModelFile) -> None:
        """Changed, cut off or gone, it is not used."""
        path = self.prepared_path(model)
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        assert find_prepared(model).problem == "prepared_file_changed"
        path.write_bytes(b"GGUF")
        assert find_prepared(model).problem == "prepared_file_changed"
        path.unlink()
        assert find_prepared(model).problem == "prepared_file_missing"

    def test_another_processor(self, model: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
        """A folder that came from another machine is not used here, and that is said."""
        edit_record(model, processor="another")
        assert find_prepared(model).problem == "prepared_other_processor"
        edit_record(model, processor=read_processor()[0], build="CPU : AVX2 = 1")
        assert find_prepared(model).problem == "prepared_other_build"
        monkeypatch.setattr(prepared, "read_processor", lambda: ("f" * 64, "other"))
        assert find_prepared(model).problem == "prepared_other_processor"

    def test_a_record_that_is_none(self, model: ModelFile) -> None:
        """Half a record, or one that names a file elsewhere, is not believed."""
        assert model.path is not None
        elsewhere = find_prepared(model).record
        assert elsewhere is not None
        assert elsewhere.prepared is not None
        moved = elsewhere.prepared.model_dump(mode="json") | {"name": "../other.gguf"}
        edit_record(model, prepared=moved)
        assert find_prepared(model).problem == "prepared_unreadable"
        (model.path.parent / name_record(model.path)).write_text('{"version": 1')
        assert find_prepared(model).problem == "prepared_unreadable"

    def test_untouched_files_are_not_read(
        self, model: ModelFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Gigabytes are not hashed at every start; a thorough look reads them."""
        read: list[Path] = []

        def count(path: Path) -> str:
            read.append(path)
            return "0"

        monkeypatch.setattr(prepared, "hash_file", count)
        assert find_prepared(model).problem is None
        assert read == []
        assert find_prepared(model, thorough=True).problem == "prepared_original_changed"

    def test_what_load_asks_for(
        self, model: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The prepared file on the processor; the original on a GPU, when off, or when changed."""
        asked: list[tuple[object, ...]] = []

        def pretend(path: Path, name: str, threads: object, *_: object, **more: Any) -> Any:
            asked.append((path.name, more["file_hash"], threads))
            return SimpleNamespace(model=SimpleNamespace(file_hash="x"), close=lambda: None)

        monkeypatch.setattr("workers.engines.llama.load_engine", pretend, raising=False)
        monkeypatch.setattr("workers.engines.llama.has_gpu", lambda: True, raising=False)
        journal = Journal(tmp_path / "journal")

        def ask(one: ModelFile, gpu_layers: int = 0) -> tuple[object, ...]:
            load.load_engine(one, journal, gpu_layers=gpu_layers)
            return asked.pop()

        record = find_prepared(model).record
        assert record is not None
        assert record.prepared is not None
        assert ask(model) == (record.prepared.name, record.prepared.sha256, record.threads)
        assert model.path is not None
        original = hash_file(model.path)
        assert ask(model, gpu_layers=-1) == ("mine.gguf", original, None)
        off = ModelFile("mine", model.path, ModelSection(prepared="off", threads=3))
        assert ask(off) == ("mine.gguf", original, 3)
        edit_record(model, cores=999)
        assert ask(model) == (record.prepared.name, record.prepared.sha256, None)
        self.prepared_path(model).write_bytes(b"GGUF")
        assert ask(model)[0] == "mine.gguf"
        journal.close()

    def test_a_prepared_file_that_does_not_load(
        self, model: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The original answers; it needs less memory."""
        loaded: list[str] = []

        def refuse(path: Path, *_: object, **more: Any) -> Any:
            loaded.append(path.name)
            if len(loaded) == 1:
                raise ModelError("model_load_failed", path=path)
            return SimpleNamespace(model=SimpleNamespace(file_hash="x"))

        monkeypatch.setattr("workers.engines.llama.load_engine", refuse, raising=False)
        journal = Journal(tmp_path / "journal")
        load.load_engine(model, journal)
        assert loaded[1] == "mine.gguf"
        journal.close()


def test_the_lock_is_one_of_the_system(model: ModelFile, bench: Bench) -> None:
    """What died holding it does not lock anybody out; another user's lock file can be used."""
    make(model, bench)
    assert model.path is not None
    (lock,) = model.path.parent.glob(".*.lock")
    lock.chmod(0o444)
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert make(model, bench, force=True)[1] is True


def test_this_processor_has_a_signature() -> None:
    """It is stable within a boot and says nothing that changes, such as a frequency."""
    signature, name = read_processor()
    read_processor.cache_clear()
    assert read_processor() == (signature, name)
    assert len(bytes.fromhex(signature)) == 32


@pytest.mark.integration
@pytest.mark.slow
def test_the_real_model_in_another_format(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BF16 of the real file: written whole, found valid, loaded, and answering the same."""
    monkeypatch.setattr(measuring, "make_prompts", lambda: make_prompts()[::4])
    path = tmp_path / "real.gguf"
    path.symlink_to(model_path)
    model = ModelFile("real", path, ModelSection())
    rates = iter((100.0, 200.0))

    def measure(path: Path, counts: Sequence[int]) -> Speed:
        rate = next(rates)
        return Speed({1: rate}, 1, rate, 1.0)

    tools = Tools(measure=measure, answer=answer_probe)
    record, _ = maker.prepare(model, Request(formats=("bf16",)), say_nothing, tools=tools)
    assert record.prepared is not None, record
    assert record.measured[1].agreement is not None
    assert record.measured[1].agreement >= formats.MIN_AGREEMENT
    found = find_prepared(model, thorough=True)
    assert found.path is not None
    assert count_weights(found.path).keys() == {"bf16"}
    journal = Journal(tmp_path / "journal")
    engine = load.load_engine(model, journal)
    assert engine.model.file_hash == hash_file(found.path)
    engine.close()
    journal.close()
