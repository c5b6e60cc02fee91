"""The documents say what the code does: settings, channels, dependencies, links, targets."""

import ast
import json
import re
import sys
from importlib.metadata import packages_distributions
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import gateway
from gateway.config import Config, keys_at

DOCUMENTS = sorted(
    path
    for path in [
        *Path(__file__).parents[2].glob("*.md"),
        *Path(__file__).parents[2].glob("docs/**/*.md"),
    ]
)


def settings() -> list[tuple[str, str]]:
    """(key, default as the document writes it) of everything that can be set."""
    found = []

    def walk(section: type[BaseModel], prefix: str) -> None:
        for name, field in section.model_fields.items():
            key = f"{prefix}{field.alias or name}"
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                walk(kind, f"{key}.")
            elif keys_at([*key.split("."), "*"]) and not prefix:
                walk(kind.__args__[1], f"{key}.*.")
            else:
                default = field.get_default(call_default_factory=True)
                if default is PydanticUndefined:
                    found.append((key, "required"))
                elif default is None:
                    found.append((key, '`""`'))
                else:
                    text = str(default) if isinstance(default, Path) else default
                    found.append((key, f"`{json.dumps(text)}`"))

    walk(Config, "")
    return found


@pytest.mark.parametrize(("key", "default"), settings())
def test_every_setting_is_documented_with_its_default(repository, key, default):
    text = (repository / "docs/operate/settings.md").read_text("utf-8")
    assert f"| `{key}` | {default} |" in text


def test_no_setting_is_documented_that_is_not_there(repository):
    text = (repository / "docs/operate/settings.md").read_text("utf-8")
    assert set(re.findall(r"(?m)^\| `([^`]+)` \|", text)) == {key for key, _ in settings()}


def test_every_channel_has_a_page_that_the_index_names(repository, project):
    index = (repository / "docs/index.md").read_text("utf-8")
    for kind in project["project"]["entry-points"]["gateway.channels"]:
        assert (repository / f"docs/channels/{kind}.md").is_file(), kind
        assert f"(channels/{kind}.md)" in index


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (document.parent / target).exists(), target


def dependencies(project) -> list[Requirement]:
    groups = [one for group in project["dependency-groups"].values() for one in group]
    texts = project["project"]["dependencies"] + [one for one in groups if isinstance(one, str)]
    return [Requirement(text) for text in texts]


def test_every_dependency_has_its_reason(repository, project):
    page = (repository / "docs/decisions/0002-dependencies.md").read_text("utf-8")
    table = re.findall(r"(?m)^\| ([a-z0-9, -]+) \|", page)
    explained = {name for row in table for name in row.split(", ")}
    needed = {Requirement(text).name for text in project["project"]["dependencies"]}
    assert explained - {"package"} == needed


def test_every_dependency_is_pinned_inside_its_bounds_and_without_an_address(repository, project):
    lines = (repository / "constraints.txt").read_text("utf-8").splitlines()
    pins = {}
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line
        name, _, version = line.partition("==")
        pins[canonicalize_name(name)] = version
    for need in dependencies(project):
        assert pins[canonicalize_name(need.name)] in need.specifier, need


def test_everything_that_is_imported_is_a_declared_dependency(repository, project):
    offered = packages_distributions()
    # pydantic requires exactly one version of its core: the two are one.
    known = sys.stdlib_module_names | {"gateway", "channels", "pydantic_core"}
    declared = {canonicalize_name(Requirement(d).name) for d in project["project"]["dependencies"]}
    for path in [*repository.glob("gateway/**/*.py"), *repository.glob("channels/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for top in {name.partition(".")[0] for name in names}:
                givers = {canonicalize_name(name) for name in offered.get(top, ())}
                assert top in known or givers & declared, f"{path}: {top}"


def test_the_version_is_the_same_everywhere(repository, project):
    version = project["project"]["version"]
    assert gateway.__version__ == version
    assert installed_version("contact-routing-gateway") == version
    assert f"contact-routing-gateway:{version}" in (repository / "docker-compose.yml").read_text()


def test_the_changelog_has_a_place_for_what_comes(repository):
    assert "## [Unreleased]" in (repository / "CHANGELOG.md").read_text("utf-8")


def test_the_readme_says_how_to_start_in_both_languages(repository):
    text = (repository / "README.md").read_text("utf-8")
    assert text.count("make demo") >= 2
    assert "## 简体中文" in text


def test_the_licence_is_the_one_that_is_declared(repository, project):
    assert project["project"]["license"] == "Apache-2.0"
    text = (repository / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
