// One turn of a model: its reasoning, its text, and the tools that it calls. The text of a turn that
// calls tools, or that another turn follows, is narration and not the answer.

import { AnswerText, GrowingText } from "/console/task/answer_text.js";
import { Call } from "/console/task/call.js";
import { h } from "/console/vendor/preact.js";

/** The turns of a step, of a map by their numbers. One that was said again takes the place of the one before. */
export function Turns({ turns, ...about }) {
  const numbers = [...turns.keys()].sort((a, b) => a - b);
  return numbers.map((number) => h(Turn, { key: `${number} ${turns.get(number).attempt}`, number, turn: turns.get(number), isLast: number === numbers.at(-1), ...about }));
}

/**
 * `getCallState(call)` returns the state of a call that has no result; `isLive`: whether a new call has just begun;
 * `isReadable`: whether data is shown as lines, and nothing as Markdown.
 */
function Turn({ number, turn, isLast, getCallState, isLive, isReadable = false }) {
  const isNarration = !isLast || turn.calls.size > 0;
  const { pieces } = turn.text;
  return h(
    "div",
    { class: "turn", role: "group", "aria-label": `Turn ${number}` },
    h("details", { class: "thinking", hidden: turn.reasoning.pieces.length === 0 }, h("summary", {}, "Reasoning"), h(GrowingText, { class: "reasoning", pieces: turn.reasoning.pieces })),
    isReadable ? h(GrowingText, { class: isNarration ? "narration" : "text", pieces, isReadable }) : h(AnswerText, { pieces, isNarration }),
    turn.calls.size > 0 && h("ul", { class: "calls", "aria-label": "Tool calls" }, [...turn.calls].map(([id, call]) => h(Call, { key: id, call, state: call.status === "called" ? getCallState(call) : call.status, isLive }))),
  );
}
