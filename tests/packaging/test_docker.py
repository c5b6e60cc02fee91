"""The container files are valid, and the container has no more rights than it needs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

INSTRUCTIONS = {
    "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD",
}  # fmt: skip


@pytest.fixture(scope="module")
def compose(repository: Path) -> dict:
    return yaml.safe_load((repository / "docker-compose.yml").read_text("utf-8"))


@pytest.fixture(scope="module")
def steps(repository: Path) -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest), continued lines joined."""
    text = (repository / "Dockerfile").read_text("utf-8")
    text = re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", " ")
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
        for line in text.splitlines()
        if line.strip()
    ]


def of(steps: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for instruction, rest in steps if instruction == name]


def test_the_compose_file_follows_the_specification(repository):
    run = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         str(repository / "docker-compose.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout


def test_the_schema_would_notice_a_misspelt_key(repository, tmp_path):
    text = (repository / "docker-compose.yml").read_text("utf-8")
    (tmp_path / "wrong.yml").write_text(text.replace("read_only:", "readonly:"))
    run = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         str(tmp_path / "wrong.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1


def test_one_service_one_volume_and_no_more_rights_than_needed(compose):
    assert list(compose["services"]) == ["gateway"]
    assert list(compose["volumes"]) == ["gateway-data"]
    service = compose["services"]["gateway"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["volumes"] == ["gateway-data:/data"]
    assert service["healthcheck"]["test"] == ["CMD", "gateway", "health"]
    assert "privileged" not in service


def test_every_variable_of_the_container_is_a_setting(compose, steps):
    from gateway.config import load

    environment = dict(compose["services"]["gateway"]["environment"])
    for line in of(steps, "ENV"):
        environment |= dict(re.findall(r"(\w+)=(\S+)", line))
    ours = {name: value for name, value in environment.items() if name.startswith("GATEWAY_")}
    config = load(environ=ours)
    assert config.data_dir == Path("/data")
    assert config.server.host == "0.0.0.0"
    assert config.log.as_json


def test_the_dockerfile_has_known_instructions_and_two_stages(steps):
    assert {instruction for instruction, _ in steps} <= INSTRUCTIONS
    assert of(steps, "FROM") == ["python:3.12-slim AS build", "python:3.12-slim"]


def test_the_image_runs_without_rights_and_keeps_its_data_in_one_volume(steps):
    assert of(steps, "USER") == ["10001"]
    assert of(steps, "VOLUME") == ["/data"]
    assert of(steps, "WORKDIR")[-1] == "/data"
    assert [name for name, _ in steps].index("USER") < [name for name, _ in steps].index("CMD")
    (health,) = of(steps, "HEALTHCHECK")
    assert json.loads(health.partition("CMD ")[2]) == ["gateway", "health"]
    assert json.loads(of(steps, "CMD")[0]) == ["gateway", "serve"]


def test_everything_that_is_copied_exists_and_reaches_the_builder(steps, repository):
    let_in = {
        line.removeprefix("!")
        for line in (repository / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    for line in of(steps, "COPY"):
        if line.startswith("--from"):
            continue
        for source in line.split()[:-1]:
            assert (repository / source).exists(), source
            assert source in let_in, source
