"""The container files are valid, and the container has no more rights than it needs."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from gateway.config import load
from gateway.roles import roles_named

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


PARTS = ("web", "worker", "delivery", "timers")


def test_without_a_profile_there_is_one_service_with_no_more_rights_than_needed(compose):
    always = [name for name, one in compose["services"].items() if "profiles" not in one]
    assert always == ["gateway"]
    service = compose["services"]["gateway"]
    assert service["healthcheck"]["test"] == ["CMD", "gateway", "health"]
    assert "depends_on" not in service


def test_no_service_of_ours_has_more_rights_than_needed(compose):
    for name in ("gateway", *PARTS):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert service["volumes"] == ["gateway-data:/data"]
        assert "privileged" not in service


def test_the_profile_scale_has_every_role_that_works_and_its_server(compose):
    scaled = {n: one for n, one in compose["services"].items() if one.get("profiles") == ["scale"]}
    assert set(scaled) == {*PARTS, "postgres"}
    for name in PARTS:
        assert scaled[name]["command"] == ["gateway", "serve", "--role", name]
        assert roles_named([name])
        assert scaled[name]["depends_on"]["postgres"]["condition"] == "service_healthy"
        asks = scaled[name]["healthcheck"]
        # Only who has a web server can be asked.
        assert ("test" in asks) == (name == "web")
        assert asks.get("disable", False) == (name != "web")
    assert "ports" not in scaled["postgres"]
    # During its first setup the image answers on its socket before it takes connections.
    assert "--host" in scaled["postgres"]["healthcheck"]["test"]
    assert set(compose["volumes"]) == {"gateway-data", "postgres-data"}


def test_the_parts_and_their_server_agree_on_the_address(compose):
    server = compose["services"]["postgres"]["environment"]
    for name in PARTS:
        variables = dict(compose["services"][name]["environment"])
        given = {
            key: value.replace("${POSTGRES_PASSWORD:-}", "pass1")
            for key, value in variables.items()
        }
        config = load(environ=given)
        parts = urlsplit(config.database)
        assert config.shared
        assert (parts.username, parts.path) == (
            server["POSTGRES_USER"],
            f"/{server['POSTGRES_DB']}",
        )
        assert parts.hostname == "postgres"
        assert server["POSTGRES_PASSWORD"] in variables["GATEWAY_DATABASE"]


def test_every_variable_of_the_container_is_a_setting(compose, steps):
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
