// What the documentation of Vercel's AI SDK shows, by the gateway.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";
import { runExamples } from "./examples.mjs";

const { GATEWAY_URL, IMAGE } = process.env;
const openai = createOpenAI({ baseURL: GATEWAY_URL, apiKey: "any" });
const compatible = createOpenAICompatible({
  name: "cogo", baseURL: GATEWAY_URL, apiKey: "any", supportsStructuredOutputs: true, includeUsage: true,
});
const models = { responses: openai("auto"), chat: openai.chat("auto"), compatible: compatible("auto") };
const weather = tool({
  description: "Get the weather in a location",
  inputSchema: z.object({ location: z.string() }),
  execute: async ({ location }) => ({ location, temperature: 21 }),
});
const City = z.object({ name: z.string(), population: z.number() });
const asked = 'weather {"location": "Paris"} and weather {"location": "Rome"}';
const settings = { maxRetries: 0 };
const ofEach = async (ask) =>
  Object.fromEntries(
    await Promise.all(Object.entries(models).map(async ([name, model]) => [name, await ask(model)])),
  );

const examples = {
  tools: () =>
    ofEach(async (model) => {
      const { text, steps } = await generateText({
        ...settings, model, prompt: asked, tools: { weather }, stopWhen: isStepCount(5),
      });
      return { text, calls: steps.map((step) => step.toolCalls.length) };
    }),
  forced: () =>
    ofEach(async (model) => {
      const { toolCalls } = await generateText({
        ...settings, model, prompt: "Say hello", tools: { weather }, toolChoice: "required",
      });
      return toolCalls.map((call) => call.toolName);
    }),
  structure: () =>
    ofEach(async (model) => {
      const { output } = await generateText({
        ...settings, model, prompt: "Name a city", output: Output.object({ schema: City }),
      });
      return output;
    }),
  streaming: () =>
    ofEach(async (model) => {
      const { textStream, usage } = streamText({ ...settings, model, prompt: "[[pieces:10]]" });
      let text = "";
      for await (const delta of textStream) text += delta;
      return { text, hasUsage: (await usage).totalTokens > 0 };
    }),
  streamedTools: () =>
    ofEach(async (model) => {
      const kinds = new Set();
      const { stream, text } = streamText({
        ...settings, model, prompt: asked, tools: { weather }, stopWhen: isStepCount(5),
      });
      for await (const part of stream) kinds.add(part.type);
      return { kinds: ["tool-call", "tool-result", "error"].filter((kind) => kinds.has(kind)), text: await text };
    }),
  streamedStructure: () =>
    ofEach(async (model) => {
      const { partialOutputStream } = streamText({
        ...settings, model, prompt: "Name a city", output: Output.object({ schema: City }),
      });
      let last;
      for await (const part of partialOutputStream) last = part;
      return last;
    }),
  image: () =>
    ofEach(async (model) => {
      const content = [
        { type: "text", text: "What is in this image?" },
        { type: "file", data: Buffer.from(IMAGE, "base64"), mediaType: "image/png" },
      ];
      const { text } = await generateText({ ...settings, model, messages: [{ role: "user", content }] });
      return text;
    }),
};

await runExamples(examples);
