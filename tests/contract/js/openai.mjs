// What the documentation of OpenAI's JavaScript client shows, by the gateway.
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { runExamples } from "./examples.mjs";

const { GATEWAY_URL, IMAGE } = process.env;
const client = new OpenAI({ baseURL: GATEWAY_URL, apiKey: "any", maxRetries: 0, timeout: 300_000 });
const model = "auto";
const parameters = {
  type: "object",
  properties: { location: { type: "string" } },
  required: ["location"],
  additionalProperties: false,
};
const weather = { type: "function", function: { name: "get_weather", parameters, strict: true } };
const asked = 'get_weather {"location": "Paris"} and get_weather {"location": "Rome"}';
const Step = z.object({ explanation: z.string(), output: z.string() });
const Answer = z.object({ steps: z.array(Step), final_answer: z.string() });
const say = (content) => [{ role: "user", content }];

const examples = {
  async tools() {
    const messages = say(asked);
    const first = await client.chat.completions.create({ model, messages, tools: [weather] });
    const { message, finish_reason } = first.choices[0];
    messages.push(message);
    for (const call of message.tool_calls) {
      const { location } = JSON.parse(call.function.arguments);
      messages.push({ role: "tool", tool_call_id: call.id, content: `sunny in ${location}` });
    }
    const second = await client.chat.completions.create({ model, messages, tools: [weather] });
    return { finish_reason, answer: second.choices[0].message.content };
  },
  async runner() {
    // The client's own loop calls the functions.
    const tool = {
      type: "function",
      function: { name: "get_weather", parameters, parse: JSON.parse, function: ({ location }) => `sunny in ${location}` },
    };
    const runner = client.chat.completions.runTools({ model, messages: say(asked), tools: [tool] });
    return runner.finalContent();
  },
  async streaming() {
    let text = "";
    let usage;
    const stream = await client.chat.completions.create({
      model, messages: say("[[pieces:10]]"), stream: true, stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    return { text, hasUsage: usage.total_tokens > 0 };
  },
  async streamHelper() {
    const stream = client.chat.completions.stream({ model, messages: say(asked), tools: [weather] });
    const events = new Set();
    stream.on("content.delta", () => events.add("content"));
    stream.on("tool_calls.function.arguments.done", ({ arguments: sent }) => events.add(sent));
    const done = await stream.finalChatCompletion();
    return { events: [...events], calls: done.choices[0].message.tool_calls.length };
  },
  async parsed() {
    const answer = await client.chat.completions.parse({
      model, messages: say("Solve 8x + 31 = 2"), response_format: zodResponseFormat(Answer, "answer"),
    });
    const called = await client.chat.completions.parse({
      model, messages: say(asked), tools: [zodFunction({ name: "get_weather", parameters: z.object({ location: z.string() }) })],
    });
    return {
      answer: answer.choices[0].message.parsed,
      argument: called.choices[0].message.tool_calls[0].function.parsed_arguments,
    };
  },
  async image() {
    const content = [
      { type: "text", text: "What is in this image?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${IMAGE}` } },
    ];
    const answer = await client.chat.completions.create({ model, messages: say(content) });
    return answer.choices[0].message.content;
  },
  async responses() {
    const tool = { type: "function", name: "get_weather", parameters, strict: true };
    const first = await client.responses.create({ model, input: asked, tools: [tool] });
    const outputs = first.output
      .filter((item) => item.type === "function_call")
      .map(({ call_id, arguments: sent }) => ({ type: "function_call_output", call_id, output: sent }));
    const second = await client.responses.create({
      model, previous_response_id: first.id, input: outputs, tools: [tool],
    });
    const parsed = await client.responses.parse({
      model, input: "Solve 8x + 31 = 2", text: { format: zodTextFormat(Answer, "answer") },
    });
    let text = "";
    const stream = client.responses.stream({ model, input: "[[pieces:5]]" });
    stream.on("response.output_text.delta", ({ delta }) => (text += delta));
    const final = await stream.finalResponse();
    return { answer: second.output_text, parsed: parsed.output_parsed, text, final: final.output_text };
  },
  async models() {
    const found = [];
    for await (const each of client.models.list()) found.push(each.id);
    return found.includes("auto");
  },
  async refusals() {
    const found = [];
    for (const settings of [{ n: 2 }, { model: "none" }]) {
      try {
        await client.chat.completions.create({ model, messages: say("hello"), ...settings });
      } catch (error) {
        found.push([error.constructor.name, error.param]);
      }
    }
    return found;
  },
};

await runExamples(examples);
