"""What is particular about an open model, for callers with an HTTP client of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from providers import tool_calls
from providers.adapters.open_models.history import write_broken_calls
from providers.adapters.open_models.teaching import teach
from providers.adapters.openai.request import build_chat_body
from providers.catalogue.open_model_table import find_known_facts
from providers.catalogue.schema import RequestDialect
from providers.chat import ChatRequest, Message, TextCalls, Tool

_DIALECT: Final = RequestDialect(text_calls=True, constrains_only=True)


@dataclass(frozen=True, slots=True)
class ModelAdapter:
    """Builds prompts for one model and reads its answers. It keeps nothing between calls.

    The server renders the prompt with the template of the model, so a prompt is data.
    """

    model: str
    """What the server calls it."""
    how: TextCalls = field(default_factory=TextCalls)

    @classmethod
    def find(cls, model: str) -> Self:
        """Return the adapter of a model by a name that Ollama, LM Studio or a file has for it.

        Of an unknown model the family is read from the name, if it says one.
        """
        facts = find_known_facts(model)
        how = TextCalls(family=facts.get("family", "auto"), tool_mode=facts.get("tool_mode"))
        return cls(model, how)

    def format_prompt(
        self,
        messages: Sequence[Message],
        system_prompt: str | None = None,
        tools: Sequence[Tool] = (),
    ) -> dict[str, Any]:
        """Return the body of a request to `/v1/chat/completions`, without a stream.

        Tools are taught in the instructions if the model's template has no place for them; calls
        and results of `messages` are text then, too.
        """
        request = ChatRequest(
            model=self.model,
            messages=tuple(messages),
            system=system_prompt,
            tools=tuple(tools),
            stream=False,
        )
        if self.how.tool_mode == "text":
            request = teach(request)
        else:
            request = replace(request, messages=write_broken_calls(request.messages))
        return build_chat_body(request, vendor=self.model, dialect=_DIALECT)[0]

    def parse_response(
        self, response: Mapping[str, Any] | str, tools: Sequence[Tool] = ()
    ) -> tool_calls.Message:
        """Return an answer of `/v1/chat/completions`, of Ollama's `/api/chat`, or a text alone."""
        if isinstance(response, str):
            return self.extract_tool_calls(response, tools)
        parser = self.stream(tools)
        parser.feed(response)
        return parser.finish()

    def extract_tool_calls(self, text: str, tools: Sequence[Tool]) -> tool_calls.Message:
        """Return the content, the reasoning, and the calls of a text, in any format."""
        return tool_calls.extract(
            text, _describe(tools), family=self.how.family, prefix=self.how.prefix
        )

    def stream(self, tools: Sequence[Tool] = ()) -> tool_calls.ChunkParser:
        """Return a parser that is fed with the chunks of one answer as they come."""
        return tool_calls.ChunkParser(
            _describe(tools), family=self.how.family, prefix=self.how.prefix
        )


def _describe(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    return [{"name": tool.name, "parameters": tool.parameters} for tool in tools]
