"""compose.yaml and Dockerfile: valid by the specification's schema, and safe by their properties.

No engine runs here: images are not built and services are not started, except that the shell
line that starts Redis is run on a real one.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from ruamel.yaml import YAML

from workers.cli.app import app
from workers.redis_guard import find_redis_server

ROOT: Final = Path(__file__).parent.parent
COMPOSE: Final = ROOT / "compose.yaml"
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OURS: Final = ("migrate", "dispatch", "worker-local", "worker-gpu", "worker-cloud", "sekisho")
SECRET_WORDS: Final = re.compile(
    r"password|passwd|secret|token|api_?key|database_url|redis_url", re.I
)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """compose.yaml with its anchors merged."""
    data: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return data


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services by name."""
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def validate(path: Path) -> "subprocess.CompletedProcess[str]":
    """Check a file against the Compose specification's schema, which check-jsonschema carries."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    return subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)


def test_compose_is_valid(tmp_path: Path) -> None:
    """The schema takes our file, and would not take one with a wrong key."""
    told = validate(COMPOSE)
    assert told.returncode == 0, told.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("read_only: true", "readonly: true", 1))
    assert validate(wrong).returncode == 1


def test_the_services_are_those_of_the_design(services: dict[str, dict[str, Any]]) -> None:
    """What starts without a profile needs neither a GPU nor a key."""
    profiles = {name: tuple(service.get("profiles", ())) for name, service in services.items()}
    assert profiles == {
        "postgres": (),
        "redis": (),
        "migrate": (),
        "dispatch": (),
        "worker-local": (),
        "worker-gpu": ("gpu",),
        "worker-cloud": ("cloud",),
        "sekisho": ("command",),
    }


def test_no_service_may_more_than_it_needs(services: dict[str, dict[str, Any]]) -> None:
    """Nobody is root, no root file system can be written, no right is left, no port is open."""
    for name, service in services.items():
        assert service["user"] not in ("", "root", "0", "0:0"), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "ports", "network_mode", "pid", "cap_add"} & service.keys(), name


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    """Foreign images have a full version; ours are built from a target of the Dockerfile."""
    for name in ("postgres", "redis"):
        assert re.fullmatch(rf"{name}:\d+\.\d+(\.\d+)?-\w+", services[name]["image"])
    for name in OURS:
        target = services[name]["build"]["target"]
        assert services[name]["image"] == f"sekisho:{target}"
        assert target in stages()


def test_secrets_are_files(compose: dict[str, Any]) -> None:
    """No environment holds a secret, only names of files that the service is given."""
    assert all(list(secret) == ["file"] for secret in compose["secrets"].values())
    used = set()
    for name, service in compose["services"].items():
        given = set(service.get("secrets", ()))
        used |= given
        for variable, value in service.get("environment", {}).items():
            if SECRET_WORDS.search(variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert value.removeprefix("/run/secrets/") in given, (name, variable)
        command = " ".join([*service.get("entrypoint", ()), *service.get("command", ())])
        for path in re.findall(r"/run/secrets/(\w+)", command):
            assert path in given, name
    assert used == set(compose["secrets"])


def test_only_the_sender_has_a_key_and_a_way_out(compose: dict[str, Any]) -> None:
    """Rows leave by worker-cloud or not at all."""
    services = compose["services"]
    assert compose["networks"]["inside"] == {"internal": True}
    for name, service in services.items():
        sender = name == "worker-cloud"
        assert ("outside" in service["networks"]) is sender, name
        assert ("anthropic_api_key" in service.get("secrets", ())) is sender, name
        assert "inside" in service["networks"], name


def test_services_wait_for_what_they_need(services: dict[str, dict[str, Any]]) -> None:
    """The tables come first; what lives on has a health check and is started again."""
    wanted = {"condition": "service_healthy"}
    assert services["migrate"]["depends_on"] == {"postgres": wanted}
    for name in ("dispatch", "worker-local", "worker-gpu", "worker-cloud"):
        done = {"condition": "service_completed_successfully"}
        assert services[name]["depends_on"] == {"migrate": done, "redis": wanted}, name
    for name, service in services.items():
        if name not in ("migrate", "sekisho"):
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_checks_and_commands_exist(services: dict[str, dict[str, Any]]) -> None:
    """What our services run are modules and commands of the program."""
    import typer

    for name in OURS:
        check = services[name].get("healthcheck", {}).get("test")
        if check is not None:
            assert check[:4] == ["CMD", "python", "-m", "workers.health"]
        command: Any = typer.main.get_command(app)
        words = list(services[name].get("command", ()))
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, name
    assert services["migrate"]["command"] == ["db", "upgrade"]


def test_models_and_gpus(services: dict[str, dict[str, Any]]) -> None:
    """Models are a volume that cannot be written; only the GPU profile reserves devices."""
    for name in ("worker-local", "worker-gpu"):
        (volume,) = services[name]["volumes"]
        assert volume.endswith(":/models:ro")
        assert services[name]["environment"]["SEKISHO_MODELS_DIR"] == "/models"
    assert "deploy" not in services["worker-local"]
    assert services["worker-local"]["command"][-2:] == ["--devices", "cpu"]
    (device,) = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


def test_data_is_kept(compose: dict[str, Any]) -> None:
    """What must outlive a container stands in named volumes."""
    kept = {name: compose["services"][name]["volumes"] for name in ("postgres", "redis")}
    assert kept == {"postgres": ["postgres:/var/lib/postgresql"], "redis": ["redis:/data"]}
    assert set(compose["volumes"]) == set(kept)


@pytest.mark.integration
def test_redis_starts_as_it_stands_there(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """The line runs on a real Redis: with a password, AOF and noeviction, its pid the shell's."""
    (line,) = services["redis"]["command"]
    password = "let me # in"  # noqa: S105 - of this test
    (tmp_path / "redis_password").write_text(f"{password}\n")
    line = line.replace("$$", "$").replace("/run/secrets/", f"{tmp_path}/")
    line = line.replace("/tmp/redis.conf", f"{tmp_path}/redis.conf")  # noqa: S108 - the container's
    line = line.replace("--dir /data", f"--dir {tmp_path} --port 0 --unixsocket {tmp_path}/s")
    line = line.replace("redis-server", str(find_redis_server()), 1)
    server = subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert any("ready to accept connections" in said.lower() for said in server.stdout)
        with redis.Redis(unix_socket_path=f"{tmp_path}/s", password=password) as client:
            assert client.info("server")["process_id"] == server.pid
            for setting, value in (("appendonly", "yes"), ("maxmemory-policy", "noeviction")):
                assert client.config_get(setting) == {setting: value}
        with (
            redis.Redis(unix_socket_path=f"{tmp_path}/s", password=password[:-1]) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()
        assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0
    finally:
        server.terminate()
        server.communicate(timeout=30)


def instructions() -> Iterator[tuple[str, str]]:
    """Yield the Dockerfile's instructions, continued lines joined, comments left out."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, " ".join(rest.split())


def stages() -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage, those before the first under the empty name."""
    found: dict[str, list[tuple[str, str]]] = {"": []}
    for name, rest in instructions():
        if name == "FROM":
            found[rest.partition(" AS ")[2]] = []
        list(found.values())[-1].append((name, rest))
    return found


def test_the_targets_run_as_nobody() -> None:
    """Both targets end with a user that is not root; the default one is for the CPU."""
    assert list(stages())[-1] == "cpu"
    for target in ("cpu", "cuda"):
        assert stages()[target][0] == ("FROM", f"runtime AS {target}")
        assert stages()[target][-1] == ("USER", "10001:10001")
    assert ("ENTRYPOINT", '["sekisho"]') in stages()["runtime"]


def test_base_images_are_pinned() -> None:
    """Every stage stands on a full version or on another stage; Python is one we support."""
    arguments = dict(rest.split("=", 1) for name, rest in stages()[""] if name == "ARG")
    assert set(arguments) == {"PYTHON_IMAGE", "CUDA_IMAGE"}
    assert all(re.search(r":\d+\.\d+\.\d+-", image) for image in arguments.values())
    known = {*stages(), *(f"${{{name}}}" for name in arguments)}
    for steps in list(stages().values())[1:]:
        assert steps[0][1].partition(" AS ")[0] in known
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert arguments["PYTHON_IMAGE"].startswith("python:3.11.")


def test_versions_come_from_the_constraints() -> None:
    """Wherever pip runs, the constraints hold, in its isolated builds too."""
    for stage, steps in stages().items():
        runs = [
            rest
            for name, rest in steps
            if name == "RUN" and re.search(r"\bpip (install|wheel)", rest)
        ]
        if runs:
            environment = " ".join(rest for name, rest in steps if name == "ENV")
            assert re.search(r"PIP_CONSTRAINT=/\w+/constraints.txt", environment), stage
            assert re.search(r"PIP_BUILD_CONSTRAINT=/\w+/constraints.txt", environment), stage
            assert ("COPY", "constraints.txt ./") in steps, stage
            assert not any("==" in rest for rest in runs), stage


def test_the_engine_is_compiled_for_other_machines() -> None:
    """Neither build is for the processor at hand; CUDA's has its architectures and the stub."""
    for target in ("cpu", "cuda"):
        run = stages()[f"engine-{target}"][-1][1]
        assert "-DGGML_NATIVE=OFF" in run
        assert ("CUDA" in run) is (target == "cuda")
    cuda = stages()["engine-cuda"][-1][1]
    assert "-DGGML_CUDA=ON" in cuda
    assert "-DCMAKE_CUDA_ARCHITECTURES=$CUDA_ARCHITECTURES" in cuda
    assert "libcuda.so.1" in cuda
    assert not any("stubs" in rest for name, rest in instructions() if name == "ENV")


def test_a_build_imports_no_engine() -> None:
    """llama_cpp needs a driver that a build has not, so nothing of ours runs in one either."""
    runs = " ".join(rest for name, rest in instructions() if name == "RUN")
    assert "llama_cpp" not in runs.replace("CMAKE_PROJECT_llama_cpp_INCLUDE", "")
    assert not re.search(r"python3? -c|bin/sekisho\b|sekisho doctor", runs)


def test_an_image_holds_no_secret() -> None:
    """No variable of the build is a secret, and the context brings only what is named."""
    for name, rest in instructions():
        if name in ("ARG", "ENV"):
            assert not SECRET_WORDS.search(rest), rest
    copied = {
        source
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)
