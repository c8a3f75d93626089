# mypy: ignore-errors
# The client is that of another environment, in a newer version.
"""What the documentation of OpenAI's Python client shows, by the gateway."""

import json
from typing import Literal

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel
from recording import IMAGE, KEY, URL, example, run_examples

client = OpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=300)

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current temperature of a place.",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "City and country"},
                "units": {"type": ["string", "null"], "enum": ["celsius", "fahrenheit", None]},
            },
            "required": ["location", "units"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
FLAT_WEATHER = {"type": "function", **WEATHER["function"]}
ASKED = 'Call get_weather {"location": "Paris", "units": "celsius"}'
TWICE = f'{ASKED} and get_weather {{"location": "Rome", "units": null}}'


class Step(BaseModel):
    explanation: str
    output: str


class MathResponse(BaseModel):
    steps: list[Step]
    final_answer: str
    level: Literal["easy", "hard"]


class GetWeather(BaseModel):
    """Current temperature of a place."""

    location: str
    units: Literal["celsius", "fahrenheit"] = "celsius"


def look(call) -> str:
    """Answer a call as the program that owns the tool would."""
    return json.dumps({"at": 21, "of": json.loads(call.function.arguments)["location"]})


@example
def tools():
    """Two turns: the calls, then their results and the answer."""
    messages = [{"role": "user", "content": TWICE}]
    first = client.chat.completions.create(model="auto", messages=messages, tools=[WEATHER])
    message = first.choices[0].message
    messages.append(message)
    for call in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": look(call)})
    second = client.chat.completions.create(model="auto", messages=messages, tools=[WEATHER])
    return {
        "reasons": [first.choices[0].finish_reason, second.choices[0].finish_reason],
        "content": message.content,
        "calls": [[each.function.name, each.function.arguments] for each in message.tool_calls],
        "distinct_ids": len({each.id for each in message.tool_calls}),
        "answer": second.choices[0].message.content,
    }


@example
def choices():
    """What the model calls, by `tool_choice` and `parallel_tool_calls`."""
    called = {"type": "function", "function": {"name": "get_weather"}}
    found = {}
    for name, settings, prompt in [
        ("none", {"tool_choice": "none"}, ASKED),
        ("auto", {"tool_choice": "auto"}, "Say hello"),
        ("required", {"tool_choice": "required"}, "Say hello"),
        ("named", {"tool_choice": called}, "Say hello"),
        ("one at a time", {"parallel_tool_calls": False}, TWICE),
    ]:
        answer = client.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": prompt}],
            tools=[WEATHER],
            **settings,
        )
        found[name] = [each.function.name for each in answer.choices[0].message.tool_calls or []]
    return found


@example
def streamed_calls():
    """Calls put together from deltas, as the guide does it."""
    calls, reason = {}, None
    for chunk in client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": TWICE}], tools=[WEATHER], stream=True
    ):
        for delta in chunk.choices[0].delta.tool_calls or []:
            call = calls.setdefault(delta.index, {"id": "", "name": "", "arguments": ""})
            call["id"] += delta.id or ""
            call["name"] += delta.function.name or ""
            call["arguments"] += delta.function.arguments or ""
        reason = chunk.choices[0].finish_reason or reason
    return {
        "reason": reason,
        "calls": [[each["name"], each["arguments"]] for each in calls.values()],
    }


@example
def stream_helper():
    with client.chat.completions.stream(
        model="auto",
        messages=[{"role": "user", "content": "[[pieces:20]]"}],
        stream_options={"include_usage": True},
    ) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    return {
        "types": sorted({each.type for each in events}),
        "text": "".join(each.delta for each in events if each.type == "content.delta"),
        "final": final.choices[0].message.content,
        "total_tokens": final.usage.total_tokens,
    }


@example
def stream_helper_with_models():
    """The helper parses arguments and the answer by pydantic models."""
    tool = openai.pydantic_function_tool(GetWeather)
    with client.chat.completions.stream(
        model="auto",
        messages=[
            {"role": "user", "content": 'GetWeather {"location": "Oslo", "units": "celsius"}'}
        ],
        tools=[tool],
    ) as stream:
        done = [each for each in stream if each.type == "tool_calls.function.arguments.done"]
    with client.chat.completions.stream(
        model="auto",
        messages=[{"role": "user", "content": "Solve 8x + 31 = 2"}],
        response_format=MathResponse,
    ) as stream:
        stream.until_done()
        parsed = stream.get_final_completion().choices[0].message.parsed
    return {
        "arguments": [each.parsed_arguments.model_dump() for each in done],
        "parsed": parsed.model_dump(),
    }


@example
def parsed_answer():
    answer = client.chat.completions.parse(
        model="auto",
        messages=[{"role": "user", "content": "Solve 8x + 31 = 2"}],
        response_format=MathResponse,
    )
    return answer.choices[0].message.parsed.model_dump()


@example
def parsed_arguments():
    answer = client.chat.completions.parse(
        model="auto",
        messages=[
            {"role": "user", "content": 'GetWeather {"location": "Oslo", "units": "celsius"}'}
        ],
        tools=[openai.pydantic_function_tool(GetWeather)],
    )
    return answer.choices[0].message.tool_calls[0].function.parsed_arguments.model_dump()


@example
def json_mode():
    answer = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": '[[say:{"answer": 42}]] in JSON'}],
        response_format={"type": "json_object"},
    )
    return json.loads(answer.choices[0].message.content)


@example
def images():
    answer = client.chat.completions.create(
        model="auto",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is in this image?"},
                    {
                        "type": "image_url",
                        "image_url": {"url": f"data:image/png;base64,{IMAGE}", "detail": "low"},
                    },
                ],
            }
        ],
    )
    return answer.choices[0].message.content


@example
def raw_response():
    raw = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": "Say hello"}], seed=1, user="somebody"
    )
    return {
        "status": raw.status_code,
        "ignored": raw.headers["x-cogo-ignored"],
        "has_task": bool(raw.headers["x-cogo-task"]),
        "has_text": bool(raw.parse().choices[0].message.content),
    }


@example
def streaming_response():
    """The bytes of a stream, which end with what OpenAI's end with."""
    with client.chat.completions.with_streaming_response.create(
        model="auto", messages=[{"role": "user", "content": "[[pieces:3]]"}], stream=True
    ) as answer:
        lines = [each for each in answer.iter_lines() if each.startswith("data: ")]
    return {"type": answer.headers["content-type"], "last": lines[-1]}


@example
async def asynchronous():
    async with AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=300) as opened:
        stream = await opened.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": "[[pieces:5]]"}], stream=True
        )
        text = "".join([each.choices[0].delta.content or "" async for each in stream])
        answer = await opened.responses.create(model="auto", input="[[say:heard]]")
    return [text, answer.output_text]


@example
def our_tools():
    """COGO's tools run while the model answers, beside the caller's, which end the answer."""
    code = json.dumps({"language": "python", "code": "print(6 * 7)"})
    own = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": f"run_code {code}"}],
        extra_body={"cogo_tools": ["cogo:run_code"]},
    )
    both = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": f"run_code {code}, then {ASKED}"}],
        tools=[WEATHER],
        extra_headers={"x-cogo-tools": "cogo:run_code"},
    )
    return {
        "own": own.choices[0].message.content,
        "both": [each.function.name for each in both.choices[0].message.tool_calls],
    }


@example
def responses_with_tools():
    items = [{"role": "user", "content": TWICE}]
    first = client.responses.create(model="auto", input=items, tools=[FLAT_WEATHER])
    items += first.output
    for item in first.output:
        if item.type == "function_call":
            output = json.dumps({"of": json.loads(item.arguments)["location"]})
            items.append(
                {"type": "function_call_output", "call_id": item.call_id, "output": output}
            )
    second = client.responses.create(model="auto", input=items, tools=[FLAT_WEATHER])
    return {
        "calls": [
            [each.name, each.arguments] for each in first.output if each.type == "function_call"
        ],
        "answer": second.output_text,
        "status": [first.status, second.status],
    }


@example
def responses_continued():
    """The second turn names the first one instead of repeating it."""
    first = client.responses.create(model="auto", input=ASKED, tools=[FLAT_WEATHER])
    [call] = [each for each in first.output if each.type == "function_call"]
    second = client.responses.create(
        model="auto",
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}],
        tools=[FLAT_WEATHER],
    )
    return second.output_text


@example
def parsed_response():
    answer = client.responses.parse(
        model="auto",
        input=[
            {"role": "system", "content": "Guide the student step by step."},
            {"role": "user", "content": "Solve 8x + 7 = -23"},
        ],
        text_format=MathResponse,
    )
    return answer.output_parsed.model_dump()


@example
def streamed_response():
    with client.responses.stream(
        model="auto", input="Solve 8x + 31 = 2", text_format=MathResponse
    ) as stream:
        kinds = [each.type for each in stream]
        parsed = stream.get_final_response().output_parsed
    with client.responses.stream(model="auto", input=ASKED, tools=[FLAT_WEATHER]) as stream:
        done = [each for each in stream if each.type == "response.function_call_arguments.done"]
    return {
        "first_and_last": [kinds[0], kinds[-1]],
        "parsed": parsed.model_dump(),
        "arguments": [each.arguments for each in done],
    }


@example
def plain_stream_of_responses():
    text, last = "", None
    for event in client.responses.create(model="auto", input="[[pieces:5]]", stream=True):
        text += event.delta if event.type == "response.output_text.delta" else ""
        last = event.type
    return [text, last]


@example
def response_with_an_image():
    answer = client.responses.create(
        model="auto",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is in this image?"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}"},
                ],
            }
        ],
    )
    return answer.output_text


@example
def models():
    listed = [each.id for each in client.models.list()]
    return {
        "has_auto": "auto" in listed,
        "shown": client.models.retrieve(listed[1]).id == listed[1],
    }


@example
def refusals():
    """Classes and parameters of errors, as programs tell them apart."""
    hello = [{"role": "user", "content": "hello"}]
    found = []
    for settings in (
        {"model": "no-such-model"},
        {"n": 2},
        {"logprobs": True},
        {"functions": [{"name": "f", "parameters": {}}]},
        {"tools": [{"type": "custom", "custom": {"name": "f"}}]},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "f", "schema": {"type": "no"}},
            }
        },
        {"extra_body": {"cogo_tools": ["no_such_tool"]}},
    ):
        try:
            client.chat.completions.create(**{"model": "auto", "messages": hello, **settings})
        except openai.APIStatusError as error:
            found.append([type(error).__name__, error.param, error.message])
    return found


if __name__ == "__main__":
    run_examples()
