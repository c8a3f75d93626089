"""The commands of the group `models`."""

from typing import Final

from cogo.cli.registry import Command

MODEL_COMMANDS: Final = (
    Command(
        name="list",
        summary="List the models that this machine or a living executor can ask.",
        module="cogo.cli.models.list",
        function="list_",
        group="models",
    ),
    Command(
        name="show",
        summary="Show what a name stands for.",
        module="cogo.cli.models.list",
        function="show",
        group="models",
    ),
    Command(
        name="health",
        summary="Show which places answer, which are left alone, and why.",
        module="cogo.cli.models.health",
        function="health",
        group="models",
    ),
    Command(
        name="test",
        summary="Try models for real: their provider's list, an answer, a stream, a tool call.",
        module="cogo.cli.models.providers",
        function="test",
        group="models",
    ),
    Command(
        name="discover",
        summary="Ask providers what they serve, and show what is new, gone or priced differently.",
        module="cogo.cli.models.providers",
        function="discover",
        group="models",
    ),
    Command(
        name="prices",
        summary="Show what models cost, in dollars per million tokens.",
        module="cogo.cli.models.providers",
        function="prices",
        group="models",
    ),
    Command(
        name="stats",
        summary="Show how models do.",
        module="cogo.cli.models.stats",
        function="stats",
        group="models",
    ),
    Command(
        name="why",
        summary="Tell why each model of a task was chosen.",
        module="cogo.cli.models.stats",
        function="why",
        group="models",
    ),
    Command(
        name="pin",
        summary="Take a model before all others.",
        module="cogo.cli.models.control",
        function="pin",
        group="models",
    ),
    Command(
        name="ban",
        summary="Take a model or a provider out at once.",
        module="cogo.cli.models.control",
        function="ban",
        group="models",
    ),
    Command(
        name="drain",
        summary="Give a model or a provider no new work.",
        module="cogo.cli.models.control",
        function="drain",
        group="models",
    ),
    Command(
        name="allow",
        summary="Take back what was said of a model or a provider.",
        module="cogo.cli.models.control",
        function="allow",
        group="models",
    ),
    Command(
        name="policy",
        summary="Show or set by which policy models are chosen.",
        module="cogo.cli.models.control",
        function="policy",
        group="models",
    ),
)
