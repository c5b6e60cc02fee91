"""What is shipped: two import packages, the templates inside, and a guard against a namesake."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest


def pip(*arguments: str | Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", target, repository)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", target, wheel)
    return target


def ask(installed: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code against the installed files, far from the checkout."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(installed)},
        cwd=installed.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_our_two_packages_are_at_the_top(wheel):
    with ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"gateway", "channels"}


def test_templates_queries_migrations_and_the_type_mark_are_inside(wheel, repository):
    with ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    ours = {
        f"gateway/_templates/{path.relative_to(repository / 'templates')}"
        for path in (repository / "templates").rglob("*")
        if path.is_file()
    }
    assert ours
    assert ours <= inside
    assert "gateway/py.typed" in inside
    for kind in ("queries", "migrations"):
        assert any(name.startswith(f"gateway/store/{kind}/") for name in inside), kind
    assert not [name for name in inside if "__pycache__" in name or name.startswith("tests/")]


def test_the_installed_files_find_their_templates_and_channels(installed):
    run = ask(
        installed,
        "import gateway, importlib.metadata as m\n"
        "from gateway.config import templates_dir\n"
        "from gateway.registry import check_ours\n"
        "check_ours()\n"
        "print(gateway.__file__)\nprint(templates_dir())\n"
        "print(sorted(e.name for e in m.distribution('contact-routing-gateway').entry_points))",
    )
    assert run.returncode == 0, run.stderr
    where, templates, points = run.stdout.splitlines()
    assert Path(where).is_relative_to(installed)
    assert Path(templates) == installed / "gateway" / "_templates"
    assert "'gateway'" in points
    assert "'email'" in points


def test_a_package_that_is_installed_over_our_channels_is_noticed(installed):
    ours = installed / "channels" / "__init__.py"
    before = ours.read_text()
    ours.write_text('__version__ = "4.3.2"\n')
    try:
        run = ask(installed, "from gateway.registry import check_ours; check_ours()")
    finally:
        ours.write_text(before)
    assert run.returncode == 1
    assert "another package has overwritten the gateway's 'channels'" in run.stderr
