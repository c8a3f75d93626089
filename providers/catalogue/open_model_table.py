"""The table of open models: facts that are the same wherever a model runs."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from providers.catalogue.model_names import find_family_of_name, normalize_weights
from providers.catalogue.open_models import Facts
from providers.catalogue.schema import Reasoning
from providers.chat import ToolMode

FILE: Final = "open_models.toml"
_SIZE: Final = "{size}"
_FACTS: Final = {
    "name", "maker", "license", "family", "context_window", "tool_mode", "reasoning", "inputs",
}  # fmt: skip

Parameters = Annotated[float, Field(gt=0)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OpenModelSize(_Row):
    """What differs at one size of a model."""

    parameters: Parameters
    """Billions."""
    also: tuple[str, ...] = ()
    """Other names of this size."""
    license: str | None = None
    context_window: int | None = Field(default=None, gt=0)


class OpenModelRow(_Row):
    """A model with its sizes; the file explains the fields."""

    name: str
    maker: str
    license: str
    family: str
    context_window: int | None = Field(default=None, gt=0)
    tool_mode: ToolMode
    reasoning: Reasoning
    inputs: tuple[Literal["text", "image"], ...]
    names: tuple[str, ...] = ()
    ollama: str | None = None
    latest: str | None = None
    sizes: Mapping[str, Parameters | OpenModelSize]

    def list_sizes(self) -> Iterator[tuple[str, OpenModelSize]]:
        """Yield the sizes by their labels."""
        for label, stated in self.sizes.items():
            if isinstance(stated, OpenModelSize):
                yield label, stated
            else:
                yield label, OpenModelSize(parameters=stated)

    def build_name(self, label: str) -> str:
        """Return the name of the model of a size."""
        return self.name.replace(_SIZE, label.upper() if label[0].isdigit() else label)

    def list_names(self, label: str, size: OpenModelSize) -> Iterator[str]:
        """Yield the names by which servers list this size, as `normalize_weights` returns them."""
        for each in (label, *size.also):
            for name in self.names:
                yield name.replace(_SIZE, each)
            if self.ollama is not None:
                yield f"{self.ollama}:{each}"
                yield f"{self.ollama}:{each}-instruct"
        if self.ollama is not None and self.latest == label:
            yield f"{self.ollama}:latest"


@lru_cache(maxsize=1024)
def find_known_facts(own_id: str) -> Facts:
    """Return what is known of a model by the id that a server gives it."""
    table, name = load_table(), normalize_weights(own_id)
    if "/" in own_id:  # what has a publisher is not of Ollama's library, whatever its tag
        known = table.get(name.partition(":")[0])
    else:
        known = table.get(name) or table.get(f"{name}:latest")
    if known is not None:
        return known
    family = find_family_of_name(own_id)
    return {} if family is None else {"family": family}


def load_rows() -> dict[str, OpenModelRow]:
    """Return the models of the file by their keys."""
    text = files(__package__).joinpath(FILE).read_text("utf-8")
    return TypeAdapter(dict[str, OpenModelRow]).validate_python(tomllib.loads(text))


@lru_cache(maxsize=1)
def load_table() -> Mapping[str, Facts]:
    """Return the facts of each model of the table by each of its names."""
    table: dict[str, Facts] = {}
    for key, row in load_rows().items():
        for label, size in row.list_sizes():
            facts = row.model_dump(include=_FACTS, exclude_none=True)
            facts |= size.model_dump(exclude={"also"}, exclude_none=True)
            facts["name"] = row.build_name(label)
            for name in dict.fromkeys(row.list_names(label, size)):
                if name in table:
                    raise ValueError(f"{FILE}: {key}: {name!r} names another model, too")
                table[name] = facts
    return table
