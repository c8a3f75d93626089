# mypy: ignore-errors
# The client is a package of another environment.
"""What LiteLLM documents for servers that speak the format of OpenAI, by the gateway."""

import json

import litellm
from litellm import acompletion, completion, responses, stream_chunk_builder
from pydantic import BaseModel
from recording import IMAGE, KEY, URL, example, run_examples

AUTO = {"model": "openai/auto", "api_base": URL, "api_key": KEY, "max_retries": 0, "timeout": 300}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        },
    },
}
ASKED = 'get_current_weather {"location": "Tokyo"} and get_current_weather {"location": "Paris"}'


class Event(BaseModel):
    name: str
    participants: list[str]


def ask(text, **settings):
    return completion(messages=[{"role": "user", "content": text}], **AUTO, **settings)


@example
def tools():
    """Parallel calls and their results in a second turn."""
    messages = [{"role": "user", "content": ASKED}]
    first = completion(messages=messages, tools=[WEATHER], tool_choice="auto", **AUTO)
    message = first.choices[0].message
    messages.append(message)
    for call in message.tool_calls:
        messages.append(
            {
                "tool_call_id": call.id,
                "role": "tool",
                "name": call.function.name,
                "content": json.dumps({"of": json.loads(call.function.arguments)["location"]}),
            }
        )
    second = completion(messages=messages, tools=[WEATHER], **AUTO)
    return {
        "reason": first.choices[0].finish_reason,
        "calls": [each.function.arguments for each in message.tool_calls],
        "answer": second.choices[0].message.content,
        "total_tokens": second.usage.total_tokens > 0,
    }


@example
def streamed_tools():
    chunks = list(ask(ASKED, tools=[WEATHER], stream=True))
    whole = stream_chunk_builder(chunks)
    return [each.function.arguments for each in whole.choices[0].message.tool_calls]


@example
def forced_tool():
    named = {"type": "function", "function": {"name": "get_current_weather"}}
    answer = ask("Say hello", tools=[WEATHER], tool_choice=named)
    return [each.function.name for each in answer.choices[0].message.tool_calls]


@example
def streaming():
    chunks = list(ask("[[pieces:10]]", stream=True, stream_options={"include_usage": True}))
    return {
        "text": "".join(each.choices[0].delta.content or "" for each in chunks if each.choices),
        "total_tokens": chunks[-1].usage.total_tokens > 0,
    }


@example
async def asynchronous():
    text = ""
    asked = [{"role": "user", "content": "[[pieces:5]]"}]
    async for chunk in await acompletion(messages=asked, stream=True, **AUTO):
        text += chunk.choices[0].delta.content or ""
    return text


@example
def response_format():
    schema = {"name": "event", "schema": Event.model_json_schema(), "strict": True}
    return [
        json.loads(ask("Ada and Bob meet", response_format=each).choices[0].message.content)
        for each in (Event, {"type": "json_schema", "json_schema": schema})
    ]


@example
def json_mode():
    answer = ask('[[say:{"answer": 42}]]', response_format={"type": "json_object"})
    return json.loads(answer.choices[0].message.content)


@example
def image():
    content = [
        {"type": "text", "text": "What is in this image?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}},
    ]
    return ask(content).choices[0].message.content


@example
def our_tools():
    code = json.dumps({"language": "python", "code": "print(6 * 7)"})
    answer = ask(f"run_code {code}", extra_body={"cogo_tools": ["cogo:run_code"]})
    return answer.choices[0].message.content


@example
def by_responses():
    """`litellm.responses`, whole and as a stream."""
    whole = responses(input="[[say:heard]]", **AUTO)
    kinds = [each.type for each in responses(input="[[pieces:5]]", stream=True, **AUTO)]
    return {
        "text": whole.output[-1].content[0].text,
        "last": str(getattr(kinds[-1], "value", kinds[-1])),
    }


@example
def refusals():
    """LiteLLM's classes of errors."""
    found = []
    for settings in ({"n": 2}, {"functions": [{"name": "f", "parameters": {}}]}):
        try:
            ask("hello", **settings)
        except litellm.BadRequestError as error:
            found.append(error.message)
    try:
        completion(
            messages=[{"role": "user", "content": "hello"}], **(AUTO | {"model": "openai/none"})
        )
    except litellm.NotFoundError:
        found.append("not found")
    return found


if __name__ == "__main__":
    run_examples()
