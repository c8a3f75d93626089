"""The training of the classifier of requests.

A multinomial logistic regression over the kinds, and a logistic regression each for what code must
be. A first training on all features chooses those to keep, a second one finds their weights.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from agents.selection.kinds.linear_model import HEADS, LABELS, list_zones, write_model
from agents.selection.kinds.sample import take_sample
from agents.selection.kinds.signs import PREFIX
from benchmarks.kinds.corpus import Generator, Request, load_written

np: Any = import_module("numpy")  # COGO does not depend on it, so it may have no types here
csr_matrix: Any = import_module("scipy.sparse").csr_matrix
minimize: Any = import_module("scipy.optimize").minimize

_SEED: Final = 20
_LEAST: Final = 4
"""Requests in which a feature must be."""
_DROPPED: Final = 0.2
"""Share of the features of each request that are left out, so that no word decides alone."""
_SAYS_HOW: Final = 0.15
"""Share of the highest weight of an output from which a word says how code must be."""
_WRITTEN_WEIGHT: Final = 16.0
"""How many made requests one that somebody wrote counts for."""
_COPIES: Final = 3
"""How often each of these is learned from, with other features left out each time. With one the
share that is right differs by some in a hundred between trainings on nearly the same requests."""
_HEAD_DECAY: Final = 4.0
"""How much more the weights for what code must be are kept small: they have fewer requests."""


def train(out: Path, *, each: int, features: int, decay: float, steps: int) -> Iterator[str]:
    """Write the weights. Yield lines about the training."""
    written = [request for request in load_written() for _ in range(_COPIES)]
    requests = [*Generator(_SEED).make(each), *written]
    random.Random(_SEED).shuffle(requests)  # noqa: S311  not used for security
    yield f"{len(requests)} requests"
    kinds = np.eye(len(LABELS), dtype=np.float32)[[LABELS.index(one.kind) for one in requests]]
    x, names = _build_matrix(requests)
    yield f"{x.shape[1]} features, {x.nnz} values"
    weight = _WRITTEN_WEIGHT / _COPIES
    counts = np.array([weight if one.is_written else 1.0 for one in requests], np.float32)
    weights, _ = _fit(x, kinds, decay, max(steps // 3, 10), counts)
    chosen = _choose_features(x, weights, names, features)
    x = x[:, chosen]
    weights, biases = _fit(x, kinds, decay, steps, counts)
    right = (x @ weights + biases).argmax(axis=1) == kinds.argmax(axis=1)
    yield f"{right.mean():.3f} of them are right"
    is_code = np.array([one.kind.startswith("code-") and one.is_rated for one in requests])
    columns, all_biases = [weights], [biases]
    for head in HEADS:
        y = np.array([[float(getattr(one, head))] for one in requests], np.float32)[is_code]
        weights, biases = _fit(x[is_code], y, decay * _HEAD_DECAY, steps, counts[is_code])
        right = ((x[is_code] @ weights + biases) > 0) == (y > 0)
        yield f"{head}: {right.mean():.3f} are right, {y.mean():.3f} are {head}"
        columns.append(weights)
        all_biases.append(biases)
    _separate(columns, [names[number] for number in chosen])
    size = write_model(
        out,
        [names[number] for number in chosen],
        np.hstack(columns).tolist(),
        np.concatenate(all_biases).tolist(),
    )
    yield f"{size} bytes"


def _separate(columns: Sequence[Any], names: Sequence[str]) -> None:
    """Remove from words for how code must be any weight for whether code is wanted.

    They stand beside code in the training, and beside anything else in life: "performance running
    shoes".
    """
    kinds, code = columns[0], LABELS.index("code-generation")
    is_word = np.array([not name.startswith(PREFIX) for name in names])
    for head in columns[1:3]:  # fast and hard
        says_how = is_word & (head.ravel() > _SAYS_HOW * head.max())
        most = kinds.mean(axis=1)
        kinds[says_how, code] = np.minimum(kinds[says_how, code], most[says_how])


def _build_matrix(requests: Sequence[Request]) -> tuple[Any, list[str]]:
    """Return a row of feature values for each request, and the names of the features."""
    chance = random.Random(_SEED)  # noqa: S311  not used for security
    rows: list[list[tuple[str, float]]] = []
    seen: Counter[str] = Counter()
    for request in requests:
        zones = list_zones(take_sample(request.text), len(request.text))
        row = [
            (name, value)
            for names, value in zones
            for name in sorted(names)
            if name.startswith(PREFIX) or chance.random() >= _DROPPED
        ]
        rows.append(row)
        seen.update({name for name, _ in row})
    names = sorted(name for name, count in seen.items() if count >= _LEAST)
    columns = {name: number for number, name in enumerate(names)}
    indices, ends, values = [], [0], []
    for row in rows:
        for name, value in row:
            if name in columns:
                indices.append(columns[name])
                values.append(value)
        ends.append(len(indices))
    parts = (np.array(values, np.float32), np.array(indices), np.array(ends))
    return csr_matrix(parts, shape=(len(rows), len(names))), names


def _choose_features(x: Any, weights: Any, names: Sequence[str], most: int) -> list[int]:
    """Return the features whose weights tell most, each counted as often as it occurs."""
    counts = np.asarray((x > 0).sum(axis=0)).ravel()
    worth = np.abs(weights - weights.mean(axis=1, keepdims=True)).max(axis=1) * np.sqrt(counts)
    worth[[name.startswith(PREFIX) for name in names]] = np.inf
    return sorted(int(number) for number in np.argsort(-worth)[:most])


def _fit(x: Any, y: Any, decay: float, steps: int, counts: Any) -> tuple[Any, Any]:
    """Return weights and biases: of a softmax, or of a sigmoid if `y` has one column."""
    features = x.shape[1]
    shares = (counts / counts.sum())[:, None]
    outputs = y.shape[1]
    transposed = x.T.tocsr()

    def measure(flat: Any) -> tuple[float, Any]:
        w = flat.reshape(features + 1, outputs).astype(np.float32)
        z = x @ w[:-1] + w[-1]
        if outputs == 1:
            p = 1 / (1 + np.exp(-z))
            chances = np.where(y > 0, p, 1 - p)
        else:
            powers = np.exp(z - z.max(axis=1, keepdims=True))
            p = powers / powers.sum(axis=1, keepdims=True)
            chances = (p * y).sum(axis=1)
        loss = -float(
            (shares.ravel() * np.log(chances + 1e-9).ravel()).sum()
        ) + 0.5 * decay * float((w[:-1] ** 2).sum())
        slope = ((p - y) * shares).astype(np.float32)
        gradient = np.vstack([transposed @ slope + decay * w[:-1], slope.sum(0, keepdims=True)])
        return float(loss), gradient.astype(np.float64).ravel()

    start = np.zeros((features + 1) * outputs)
    options = {"maxiter": steps}
    found = minimize(measure, start, jac=True, method="L-BFGS-B", options=options)
    w = found.x.reshape(features + 1, outputs)
    return w[:-1], w[-1]
