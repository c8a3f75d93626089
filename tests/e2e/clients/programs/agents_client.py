# mypy: ignore-errors
# The clients are packages of another environment, of which one has the name of ours.
"""Agents of OpenAI's Agents SDK and of Pydantic AI, by the gateway."""

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.openai import OpenAIResponsesModel as PydanticResponses
from pydantic_ai.providers.openai import OpenAIProvider
from recording import KEY, URL, example, run_examples

from agents import (
    Agent as OpenAIAgent,
)
from agents import (
    AsyncOpenAI,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)

set_tracing_disabled(True)
ASKED = 'get_weather {"city": "Oslo"}'


class City(BaseModel):
    name: str
    country: str


def build_models():
    opened = AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=300)
    return {
        "chat": OpenAIChatCompletionsModel(model="auto", openai_client=opened),
        "responses": OpenAIResponsesModel(model="auto", openai_client=opened),
    }


def build_pydantic_models():
    provider = OpenAIProvider(base_url=URL, api_key=KEY)
    return {
        "chat": OpenAIChatModel("auto", provider=provider),
        "responses": PydanticResponses("auto", provider=provider),
    }


@function_tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"sunny in {city}"


@example
async def agents_sdk():
    """An agent's loop, its answer as an object, and its stream."""
    found = {}
    for name, model in build_models().items():
        plain = OpenAIAgent(name="Weather", model=model, tools=[get_weather])
        typed = OpenAIAgent(name="Geography", model=model, output_type=City)
        streamed = Runner.run_streamed(plain, ASKED)
        kinds = [each.type async for each in streamed.stream_events()]
        found[name] = {
            "answer": (await Runner.run(plain, ASKED)).final_output,
            "typed": (await Runner.run(typed, "Name a city")).final_output.model_dump(),
            "streamed": streamed.final_output,
            "kinds": sorted(set(kinds)),
        }
    return found


@example
async def our_tools():
    """A tool of COGO before one of the agent: what a stream showed of it is sent back."""
    settings = ModelSettings(extra_body={"cogo_tools": ["cogo:run_code"]})
    found = {}
    for name, model in build_models().items():
        agent = OpenAIAgent(
            name="Weather", model=model, tools=[get_weather], model_settings=settings
        )
        code = '{"language": "python", "code": "print(6 * 7)"}'
        streamed = Runner.run_streamed(agent, f"run_code {code}, then {ASKED}")
        async for _ in streamed.stream_events():
            pass
        found[name] = streamed.final_output.startswith("Simulated answer")
    return found


@example
async def handoff():
    """One agent hands the conversation to another, which answers."""
    model = build_models()["chat"]
    other = OpenAIAgent(name="Spanish", model=model, instructions="You speak Spanish.")
    first = OpenAIAgent(name="Triage", model=model, handoffs=[other])
    done = await Runner.run(first, "transfer_to_spanish {}")
    return done.last_agent.name


@example
async def pydantic_ai():
    """A tool in the loop, and an object as the answer in each of three ways."""
    found = {}
    for name, model in build_pydantic_models().items():
        agent = Agent(model)

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """Get the weather of a city."""
            return f"sunny in {city}"

        async with agent.run_stream("[[pieces:5]]") as streamed:
            text = [each async for each in streamed.stream_text()][-1]
        found[name] = {
            "answer": (await agent.run(ASKED)).output,
            "streamed": text,
            "native": (
                await Agent(model, output_type=NativeOutput(City)).run("A city")
            ).output.name,
            "tool": (await Agent(model, output_type=ToolOutput(City)).run("A city")).output.name,
        }
    said = '[[say:{"name": "Oslo", "country": "Norway"}]]'
    prompted = Agent(build_pydantic_models()["chat"], output_type=PromptedOutput(City))
    found["prompted"] = (await prompted.run(said)).output.name
    return found


if __name__ == "__main__":
    run_examples()
