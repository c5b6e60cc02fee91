"""One trained answerer for the whole directory: training it per test would be the slow part."""

from pathlib import Path

import pytest

from gateway.answers.answerer import Answerer, build_answerer
from gateway.answers.knowledge import Knowledge
from gateway.answers.loading import load
from gateway.answers.review import CALIBRATION, ReviewedQuestion, load_reviewed
from gateway.config import templates_dir
from gateway.domain.decision import Certificate
from tests.answers.brands import EMPTY, FULL
from tests.learnt import MODELS


@pytest.fixture(scope="session")
def folder() -> Path:
    return templates_dir()


@pytest.fixture(scope="session")
def knowledge(folder: Path) -> Knowledge:
    return load(folder)


@pytest.fixture(scope="session")
def answerer(folder: Path) -> Answerer:
    return build_answerer(folder, {FULL.id: FULL}, engine="default", models=MODELS)


@pytest.fixture(scope="session")
def two_brands(folder: Path) -> Answerer:
    return build_answerer(folder, {FULL.id: FULL, EMPTY.id: EMPTY}, engine="default", models=MODELS)


@pytest.fixture(scope="session")
def reviewed() -> list[ReviewedQuestion]:
    return load_reviewed(templates_dir() / CALIBRATION)


@pytest.fixture(scope="session")
def certificates(answerer: Answerer) -> list[Certificate]:
    """A loose permit for tests that are about what follows from being permitted."""
    return [Certificate("c-test", "*/*/normal", 0.05, 0.1, 0.6, 100, 0, knowledge=answerer.version)]
