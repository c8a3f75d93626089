"""EMBED: texts to vectors, by one embedding model."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agents.workflows.engine import LastStep, Run, workflow
from protocol.embeddings import EncodingFormat, read_texts
from providers.catalogue.schema import TimeoutSeconds
from providers.embeddings.records import Purpose


class EmbedParams(BaseModel):
    """The params of EMBED. Others are refused, since they would have no effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Annotated[Any, BeforeValidator(read_texts)] = None
    """A text, or a list of texts or of their tokens, in place of the prompt."""
    dimensions: int | None = Field(default=None, ge=1, le=65_536)
    """Of each vector, for models that can shorten them."""
    encoding_format: EncodingFormat = "float"
    purpose: Purpose = "document"
    """Of the vectors, for models that distinguish."""
    timeouts: TimeoutSeconds | None = None
    """Read by the executor from the task."""
    response_schema: None = None
    """Refused, since the result is no text."""


@workflow("EMBED", params=EmbedParams)
async def embed(run: Run) -> LastStep:
    """Turn texts into vectors that are close if the texts are similar."""
    params = run.params_as(EmbedParams)
    return run.hand_over(
        run.embed(
            "main", params.input or [run.prompt], model=run.brief.model, purpose=params.purpose,
            dimensions=params.dimensions, encoding_format=params.encoding_format,
        )
    )  # fmt: skip
