// One call of a tool: a line with its state, which opens to show the arguments and the result.

import { isOver, milliseconds } from "/console/lib/format.js";
import { useNow } from "/console/lib/hooks.js";
import { clip, describeValue, Json, LongText } from "/console/lib/json_view.js";
import { h, useRef, useState } from "/console/vendor/preact.js";

const MOST = 120; // characters of the arguments in the line
const Hint = () => [h("code", {}, "cogo show TASK --turns"), " prints all."];
const LABELS = {
  ok: ["completed", "ok"],
  error: ["failed", "error"],
  refused: ["failed", "refused"],
  unknown: ["waiting", "unknown outcome"],
  running: ["running", "running"],
  asking: ["waiting", "waits for an answer"],
  waiting: ["waiting", "waits"],
  ended: ["", "no result"],
};

/** `state`: that of the call, or of what it waits for; `isLive`: whether a new call has just begun. */
export function Call({ call, state, isLive }) {
  const [isOpen, setOpen] = useState(false);
  const [color, label] = call.rejected ? ["failed", `rejected: ${clip(call.rejected, 50)}`] : LABELS[state] ?? ["", String(call.status)];
  const time = useTime(call, state === "running", isLive);
  return h(
    "li",
    {},
    h(
      "details",
      { onToggle: (event) => setOpen(event.currentTarget.open) },
      h("summary", {}, h("span", { class: "tool" }, clip(call.tool, 200)), h("span", { class: "brief" }, describeArguments(call)), h("span", { class: "figure" }, time), h("span", { class: `status ${color}` }, label)),
      h("div", { class: "step" }, isOpen && [h(Arguments, { call }), h(Result, { call })]),
    ),
  );
}

/** Return how long a call took, or runs. It began now, or as it was stored if it ran before this page knew it. */
function useTime({ started_at: stored, duration_ms: took }, isRunning, isLive) {
  const seen = useRef({ isRunning: false, began: null, isKnown: false });
  const { current } = seen;
  if (isRunning && !current.isRunning) current.began = current.isKnown || isLive ? Date.now() : stored ? Date.parse(stored) : null;
  Object.assign(current, { isRunning, isKnown: true });
  useNow(isRunning);
  if (!isRunning) return took ? milliseconds(took) : "";
  return current.began === null ? "" : `${Math.max(0, Math.round((Date.now() - current.began) / 1000))} s`;
}

function describeArguments({ arguments: given, cut }) {
  if (!given) return cut ? "(long)" : "";
  const parts = Object.entries(given).slice(0, 10).map(([name, value]) => `${name}: ${describeValue(value)}`);
  return clip(parts.join(", "), MOST);
}

function Arguments({ call: { arguments: given, cut } }) {
  if (cut) return h("p", { class: "note" }, "They are too long to be shown here. ", h(Hint));
  if (!given) return h("p", { class: "note" }, "The arguments cannot be read.");
  if (!Object.keys(given).length) return h("p", { class: "note" }, "Without arguments.");
  return [h("h5", {}, "Arguments"), h(Json, { value: given })];
}

function Result({ call: { summary, size, status } }) {
  if (status === "called") return null;
  const text = summary ?? "";
  const isCut = size !== null && size > [...text].length;
  const data = isCut ? undefined : parseData(text);
  return [
    h("h5", {}, status === "ok" ? "Result" : "What was said"),
    data === undefined ? h(LongText, { text }) : h(Json, { value: data }),
    isCut && h("p", { class: "note" }, `The beginning of ${size.toLocaleString("en")} characters. `, h(Hint)),
  ];
}

/** Return an object or a list that a text is, else undefined. */
function parseData(text) {
  try {
    const found = JSON.parse(text);
    return typeof found === "object" && found !== null ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Return the state of a call of a step of this task that has no result. */
export function readCallState({ subtask_id: id, call_id: callId }, { task, subtasks, approvals = [] }) {
  if (approvals.some((each) => each.subtask_id === id && each.call_id === callId)) return "asking";
  const status = subtasks.find((each) => each.id === id)?.status ?? "running";
  if (isOver(status) || isOver(task.status)) return "ended";
  return status === "running" ? "running" : "waiting";
}
