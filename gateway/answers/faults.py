"""What is wrong with a file of the knowledge base."""

from pathlib import Path

from gateway.domain.errors import GatewayError


class KnowledgeError(GatewayError):
    """A file of the knowledge base is wrong or missing; the text names it and says what to do."""

    def __init__(self, path: Path | str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = str(path)
