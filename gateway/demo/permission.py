"""The demo's certificates: made from its own reviewed questions, marked demo, refused by `serve`."""

from collections.abc import Mapping
from pathlib import Path

from gateway.answers.answerer import build_answerer
from gateway.answers.review import certify_knowledge, load_reviewed
from gateway.domain.decision import Certificate
from gateway.domain.model import Brand

REVIEWED = Path(__file__).with_name("reviewed.jsonl")


def certificates(
    templates: Path,
    brands: Mapping[str, Brand],
    alpha: float,
    delta: float,
    engine: str,
    models: Path,
) -> list[Certificate]:
    """One certificate for each language of the knowledge base whose cases suffice.

    Rates every case: run it in a worker process. Raises `KnowledgeError`.
    """
    answerer = build_answerer(templates, brands, engine=engine, models=models)
    cases = load_reviewed(REVIEWED)
    found = (
        certify_knowledge(answerer, cases, alpha, delta, f"*/{language}/normal", demo=True)
        for language in answerer.knowledge.languages
    )
    return [certificate for certificate in found if certificate is not None]
