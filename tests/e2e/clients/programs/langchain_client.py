# mypy: ignore-errors
# The client is a package of another environment.
"""What the documentation of LangChain shows for OpenAI's models, by the gateway."""

from typing import Annotated, Literal, TypedDict

from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field
from recording import IMAGE, KEY, URL, example, run_examples

model = ChatOpenAI(model="auto", base_url=URL, api_key=KEY, max_retries=0, timeout=300)


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Joke(BaseModel):
    """A joke to tell the user."""

    setup: str = Field(description="The question that sets up the joke")
    punchline: str = Field(description="The answer")
    rating: int | None = Field(default=None, description="From 1 to 10")


class Movie(TypedDict):
    """A movie."""

    title: Annotated[str, ..., "The title"]
    genre: Annotated[Literal["drama", "comedy"], ..., "Its genre"]


JOKE = {
    "title": "joke",
    "description": "A joke to tell the user.",
    "type": "object",
    "properties": {"setup": {"type": "string"}, "punchline": {"type": "string"}},
    "required": ["setup", "punchline"],
}
CALLS = 'multiply {"a": 3, "b": 12} and add {"a": 11, "b": 49}'
ASKED = "Tell me a joke about cats"


@example
def bound_tools():
    """The calls, and the answer after their results."""
    bound = model.bind_tools([add, multiply])
    messages = [HumanMessage(CALLS)]
    message = bound.invoke(messages)
    messages.append(message)
    tools = {"add": add, "multiply": multiply}
    for call in message.tool_calls:
        messages.append(tools[call["name"]].invoke(call))
    return {
        "calls": [[each["name"], each["args"]] for each in message.tool_calls],
        "answer": bound.invoke(messages).text,
        "has_usage": message.usage_metadata["total_tokens"] > 0,
    }


@example
def forced_tools():
    """`tool_choice` as `bind_tools` passes it on."""
    found = {}
    for choice in ("any", "multiply", True):
        tools = [multiply] if choice is True else [add, multiply]
        message = model.bind_tools(tools, tool_choice=choice).invoke("Say hello")
        found[str(choice)] = [each["name"] for each in message.tool_calls]
    message = model.bind_tools([add, multiply], parallel_tool_calls=False).invoke(CALLS)
    found["one at a time"] = [each["name"] for each in message.tool_calls]
    message = model.bind_tools([add, multiply], strict=True).invoke(CALLS)
    found["strict"] = [each["name"] for each in message.tool_calls]
    return found


@example
def streamed_tools():
    """Chunks that add up to a message with calls."""
    gathered = None
    for chunk in model.bind_tools([add, multiply]).stream(CALLS):
        gathered = chunk if gathered is None else gathered + chunk
    return {
        "calls": [[each["name"], each["args"]] for each in gathered.tool_calls],
        "invalid": gathered.invalid_tool_calls,
    }


@example
def streaming():
    chunks = list(model.stream("[[pieces:10]]", stream_usage=True))
    return {
        "text": "".join(each.text for each in chunks),
        "has_usage": sum((each.usage_metadata or {}).get("total_tokens", 0) for each in chunks) > 0,
    }


@example
async def asynchronous_events():
    """The events of a stream, as LangGraph and LangServe consume them."""
    text = ""
    async for event in model.astream_events("[[pieces:10]]"):
        if event["event"] == "on_chat_model_stream":
            text += event["data"]["chunk"].text
    return text


@example
def structured_output():
    """All three methods with a model, and the others with a dictionary and a schema."""
    found = {}
    for method in ("json_schema", "function_calling", "json_mode"):
        prompt = f"{ASKED}. Answer in JSON with setup, punchline and rating."
        chain = model.with_structured_output(Joke, method=method)
        prompt = (
            '[[say:{"setup": "simulated", "punchline": "simulated"}]]'
            if method == "json_mode"
            else prompt
        )
        found[method] = chain.invoke(prompt).model_dump()
    found["typed dictionary"] = model.with_structured_output(Movie).invoke("Name a movie")
    found["schema"] = model.with_structured_output(JOKE).invoke(ASKED)
    raw = model.with_structured_output(Joke, include_raw=True).invoke(ASKED)
    found["raw"] = [raw["parsed"].setup, raw["parsing_error"]]
    strict = model.with_structured_output(Movie, method="function_calling", strict=True)
    found["strict"] = strict.invoke("Name a movie")
    return found


@example
def streamed_structure():
    return list(model.with_structured_output(JOKE).stream(ASKED))[-1]


@example
def images():
    message = HumanMessage(
        content=[
            {"type": "text", "text": "What is in this image?"},
            {
                "type": "image",
                "base64": IMAGE,
                "mime_type": "image/png",
            },
        ]
    )
    return model.invoke([message]).text


@example
def batch():
    return [each.text for each in model.batch(["[[say:one]]", "[[say:two]]"])]


@example
def responses_api():
    """The same by `/v1/responses`."""
    by_responses = ChatOpenAI(
        model="auto", base_url=URL, api_key=KEY, max_retries=0, timeout=300, use_responses_api=True
    )
    bound = by_responses.bind_tools([add, multiply])
    messages = [HumanMessage(CALLS)]
    message = bound.invoke(messages)
    messages.append(message)
    tools = {"add": add, "multiply": multiply}
    for call in message.tool_calls:
        messages.append(tools[call["name"]].invoke(call))
    gathered = None
    for chunk in bound.stream(CALLS):
        gathered = chunk if gathered is None else gathered + chunk
    return {
        "calls": [each["name"] for each in message.tool_calls],
        "answer": bound.invoke(messages).text,
        "streamed": "".join(each.text for each in by_responses.stream("[[pieces:5]]")),
        "streamed_calls": [each["name"] for each in gathered.tool_calls],
        "structure": by_responses.with_structured_output(Joke).invoke(ASKED).model_dump(),
    }


@example
def previous_response():
    """The conversation lies at the gateway; LangChain sends only what is new."""
    by_responses = ChatOpenAI(
        model="auto",
        base_url=URL,
        api_key=KEY,
        max_retries=0,
        timeout=300,
        use_previous_response_id=True,
    )
    first = by_responses.invoke([HumanMessage("[[say:My name is Ada.]]")])
    second = by_responses.invoke([HumanMessage("Who?"), first, HumanMessage("[[say:again]]")])
    return [first.text, second.text]


@example
def agent():
    """An agent's loop calls the tools and ends."""
    loop = create_agent(model, tools=[add, multiply], system_prompt="You calculate.")
    state = loop.invoke({"messages": [("user", f'{CALLS}, then add {{"a": 36, "b": 60}}')]})
    return [
        [each.type, [call["name"] for call in getattr(each, "tool_calls", [])]]
        for each in state["messages"]
    ]


@example
def agent_with_structure():
    """An agent whose last answer is an object, by the schema and by a tool."""
    by_schema = create_agent(model, tools=[add], response_format=ProviderStrategy(Joke))
    by_tool = create_agent(model, tools=[add], response_format=ToolStrategy(Joke))
    asked = {"messages": [("user", 'add {"a": 1, "b": 2}, then tell a joke')]}
    told = {"messages": [("user", "Tell a Joke")]}
    return {
        "schema": by_schema.invoke(asked)["structured_response"].setup,
        "tool": by_tool.invoke(told)["structured_response"].setup,
    }


@example
def agent_stream():
    """Tokens and steps of an agent, as they come."""
    loop = create_agent(model, tools=[add])
    asked = {"messages": [("user", 'add {"a": 1, "b": 2}')]}
    nodes = [
        metadata["langgraph_node"] for _, metadata in loop.stream(asked, stream_mode="messages")
    ]
    return sorted(set(nodes))


if __name__ == "__main__":
    run_examples()
