"""Tries engines on labelled texts: what `gateway kb eval` shows, computed."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from gateway.answers.certify import Reviewed
from gateway.answers.engine import Classifier
from gateway.answers.engines import ENGINES, Shelf
from gateway.answers.labelled import DataError, Labelled
from gateway.answers.measure import (
    Promise,
    Split,
    accuracy,
    auroc,
    few_shot,
    folds,
    keep_promise,
    macro_f1,
    milliseconds,
    risk_curve,
)
from gateway.answers.text import normalise

#: Texts whose time is taken, one by one.
_TIMED = 200
#: Vectors that are remembered over a trial: each text is encoded once for all engines and splits.
_CAPACITY = 200_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried."""

    engines: Sequence[str]
    shots: int = 0
    """Examples of each label; 0: all."""
    seeds: int = 5
    folds: int = 0
    """Splits of cross-validation; 0: none, `seeds` random splits instead."""
    alpha: float = 0.05
    delta: float = 0.1
    splits: int = 200
    """Certificates that are made and checked, over all seeds together."""


@dataclass(slots=True)
class Result:
    """Figures of one engine; the lists have a value for each seed or fold."""

    engine: str
    version: str = ""
    accuracy: list[float] = field(default_factory=list)
    macro_f1: list[float] = field(default_factory=list)
    auroc: list[float] = field(default_factory=list)
    """Empty without out-of-scope texts."""
    fit_seconds: list[float] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    cases: list[Reviewed] = field(default_factory=list)
    median_ms: float = 0.0
    late_ms: float = 0.0
    """95th percentile."""

    @property
    def broken(self) -> int:
        """Certificates that did not keep what they promised."""
        return sum(promise.broken for promise in self.promises)

    @property
    def coverage(self) -> list[float]:
        """Share answered under a certificate, for each seed or fold."""
        return [promise.coverage for promise in self.promises]

    def summary(self) -> dict[str, object]:
        """For programs: means with their standard deviation, shares from 0 to 1."""
        answered = [p.wrong for p in self.promises if p.certified]
        return {
            "engine": self.engine,
            "version": self.version,
            "runs": len(self.accuracy),
            "accuracy": spread(self.accuracy),
            "macro_f1": spread(self.macro_f1),
            "oos_auroc": spread(self.auroc) if self.auroc else None,
            "certified_coverage": spread(self.coverage),
            "certified_wrong": statistics.fmean(answered) if answered else None,
            "certificates": sum(promise.certified for promise in self.promises),
            "splits": sum(promise.splits for promise in self.promises),
            "broken": self.broken,
            "ms_median": self.median_ms,
            "ms_p95": self.late_ms,
            "fit_seconds": spread(self.fit_seconds),
            "curve": risk_curve(self.cases),
        }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation (0 for one value)."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "sd": deviation}


def run(
    plan: Plan,
    train: Labelled,
    test: Labelled | None = None,
    oos: Labelled | None = None,
    *,
    told: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Train and test every engine on every split; the same splits and texts for all.

    Args:
        plan: what is tried.
        train: texts with labels; without `test`, a part of them is held out.
        test: texts with labels that no engine learns.
        oos: texts that belong to no label. They are in the calibration cases and in what is
            answered under the certificate, where every answer to them is wrong.
        told: called with a line when a run has ended.

    Raises:
        EncoderMissing: an engine's encoder cannot be had.
        DataError: the texts do not suffice.
        TrainingError: an engine did not learn.
    """
    data = _normalised(train)
    tested = _normalised(test) if test else data
    outside = [normalise(text) for text in oos.texts] if oos else []
    shelf = Shelf(_CAPACITY)
    results = []
    for name in plan.engines:
        result = Result(name)
        for number, split in enumerate(_splits(plan, data, test)):
            rows = split.test if test is None else range(len(tested))
            texts, truth = tested.pick(list(rows))
            if not split.train or not texts:
                raise DataError("there are too few texts to train on some and test on others")
            classifier = ENGINES[name](shelf)
            begun = time.perf_counter()
            classifier.fit(*data.pick(split.train))
            result.fit_seconds.append(time.perf_counter() - begun)
            result.version = classifier.version
            _score(result, classifier, texts, truth, outside, plan, number)
            told(f"{name}, run {number + 1}: {result.accuracy[-1]:.1%} right")
        _time(result, classifier, texts, shelf)
        results.append(result)
    return results


def _normalised(data: Labelled) -> Labelled:
    return Labelled(tuple(" ".join(normalise(text).split()) for text in data.texts), data.labels)


def _splits(plan: Plan, data: Labelled, test: Labelled | None) -> Iterator[Split]:
    if plan.folds:
        for number, whole in enumerate(folds(data.labels, plan.folds)):
            own = [data.labels[i] for i in whole.train]
            kept = few_shot(own, plan.shots, number, hold_out=False)
            yield Split([whole.train[i] for i in kept.train], whole.test)
        return
    for seed in range(plan.seeds):
        yield few_shot(data.labels, plan.shots, seed, hold_out=test is None)


def _score(
    result: Result,
    classifier: Classifier,
    texts: Sequence[str],
    truth: Sequence[str],
    outside: Sequence[str],
    plan: Plan,
    number: int,
) -> None:
    posterior = classifier.posterior(texts)
    guesses = [classifier.labels[i] for i in posterior.argmax(axis=1)]
    inside = posterior.max(axis=1)
    result.accuracy.append(accuracy(truth, guesses))
    result.macro_f1.append(macro_f1(truth, guesses))
    cases = [
        Reviewed(float(score), guess == label)
        for score, guess, label in zip(inside, guesses, truth, strict=True)
    ]
    if outside:
        strange = classifier.posterior(outside).max(axis=1)
        result.auroc.append(auroc(inside, strange))
        cases += [Reviewed(float(score), correct=False) for score in strange]
    share = plan.splits // (plan.folds or plan.seeds)
    result.promises.append(keep_promise(cases, plan.alpha, plan.delta, splits=share, seed=number))
    result.cases += cases


def _time(result: Result, classifier: Classifier, texts: Sequence[str], shelf: Shelf) -> None:
    """One text after the other, as they come in, nothing remembered."""
    chosen = list(dict.fromkeys(texts))
    picked = [
        chosen[i] for i in np.linspace(0, len(chosen) - 1, min(_TIMED, len(chosen)), dtype=int)
    ]
    gc.collect()

    def decide(text: str) -> None:
        shelf.forget()
        classifier.posterior([text])

    result.median_ms, result.late_ms = milliseconds(decide, picked, time.perf_counter)
