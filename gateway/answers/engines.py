"""Which engines there are, by name, and which of them run on this machine."""

from collections.abc import Callable, Mapping

from gateway.answers.cache import CAPACITY, CachedEncoder
from gateway.answers.encoders import EncoderMissing, load_encoder
from gateway.answers.engine import Classifier, Encoder
from gateway.answers.kernel import KernelClassifier
from gateway.answers.mixture import MixedClassifier
from gateway.answers.ngrams import NgramClassifier
from gateway.answers.vectors import VectorClassifier
from gateway.answers.views import NgramView, VectorView

Encoders = Callable[[str], Encoder]
"""Gives the encoder of a name, the same one every time. May raise `EncoderMissing`."""

ENGINES: Mapping[str, Callable[[Encoders], Classifier]] = {
    "lexical": lambda _: NgramClassifier(),
    "vectors": lambda encoder: VectorClassifier(encoder("use")),
    "product": lambda encoder: MixedClassifier(NgramClassifier(), VectorClassifier(encoder("use"))),
    "default": lambda encoder: KernelClassifier(NgramView(), VectorView(encoder("use"))),
    "accurate": lambda encoder: KernelClassifier(
        NgramView(), VectorView(encoder("use")), VectorView(encoder("e5"))
    ),
}
#: What is taken where an engine's encoder cannot be had.
_WEAKER = {"accurate": "default", "default": "lexical"}


class Shelf:
    """The encoders of a process: each is loaded when it is first asked for, and its vectors are
    remembered."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._loaded: dict[str, CachedEncoder] = {}

    def __call__(self, name: str) -> CachedEncoder:
        """The encoder. Raises `EncoderMissing`."""
        if name not in self._loaded:
            self._loaded[name] = CachedEncoder(load_encoder(name), self._capacity)
        return self._loaded[name]

    def forget(self) -> None:
        """Drop all vectors, not the encoders: what is asked next is encoded anew."""
        for encoder in self._loaded.values():
            encoder.forget()


def best_engine(wish: str = "default", encoders: Encoders | None = None) -> tuple[Classifier, str]:
    """An untrained classifier of the engine `wish`, or of the next weaker one that runs here, and
    then why it is weaker; '' when it is the one wished for. Raises KeyError for an unknown name."""
    find = encoders or Shelf()
    why: list[str] = []
    while True:
        try:
            return ENGINES[wish](find), "; ".join(why)
        except EncoderMissing as error:
            weaker = _WEAKER.get(wish, "lexical")
            why.append(f"{error}: the {weaker} engine answers instead of the {wish} one")
            wish = weaker
