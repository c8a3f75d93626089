// What a result has besides its text: data, notes, the tools that were used, calls for the caller.

import { CopyButton } from "/console/lib/copy.js";
import { milliseconds } from "/console/lib/format.js";
import { clip, Json, LongText, writeJson } from "/console/lib/json_view.js";
import { showsField } from "/console/task/decision.js";
import { h, useMemo, useState } from "/console/vendor/preact.js";

const SHOWN_ELSEWHERE = new Set([
  "text", "workflow", "verification", "receipt", "generated_code", "files", "simulated", "notes", "next_task_id",
  "language", "model_used", "file_path", "git_branch", "framework", "usage", "derived", "finish_reason", "tools_used",
  "tool_calls", "turns", "models",
]);

/** The parts of a result, which are compared again at another end of the task only. */
export function Result({ task: { result, finished_at: at } }) {
  const parts = useMemo(() => [drawCallersCalls(result?.tool_calls), drawData(selectData(result)), drawNotes(result?.notes), drawToolsUsed(result?.tools_used)], [at]);
  return parts.some(Boolean) ? h("div", { class: "result" }, parts) : null;
}

/** Return the data of a structured answer, or what a workflow returned besides its text. */
function selectData(result) {
  const data = result?.data ?? undefined;
  const own = Object.entries(result?.workflow ? result : {}).filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && !showsField(name, value) && value !== null);
  return own.some(([name]) => name !== "data") ? Object.fromEntries(own) : data;
}

const drawData = (data) => (data === undefined ? null : h(Data, { data }));

function Data({ data }) {
  const [isText, setText] = useState(false);
  return h(
    "details",
    { id: "data", open: true },
    h("summary", {}, "Result as data"),
    h(
      "div",
      { class: "data" },
      h(
        "p",
        { class: "actions" },
        h(CopyButton, { label: "Copy", what: "the data", getText: () => writeJson(data) }),
        h("button", { type: "button", class: "quiet", "aria-pressed": String(isText), onClick: () => setText(!isText) }, "As text"),
      ),
      h("div", { hidden: isText }, h(Json, { value: data })),
      isText && h(LongText, { text: writeJson(data) }),
    ),
  );
}

function drawNotes(notes) {
  if (!Array.isArray(notes) || !notes.length) return null;
  return h("ul", { class: "notes", "aria-label": "Notes" }, notes.slice(0, 20).map((each, number) => h("li", { key: number }, clip(typeof each === "string" ? each : writeJson(each), 1000))));
}

function drawToolsUsed(used) {
  const described = listObjects(used, 50).map(({ tool, calls, errors, seconds }) => {
    const facts = [calls === 1 ? "1 call" : `${calls} calls`, errors ? `${errors} failed` : null, seconds >= 0.001 ? milliseconds(1000 * seconds) : null];
    return `${clip(String(tool), 200)} (${facts.filter(Boolean).join(", ")})`;
  });
  return described.length ? h("p", { class: "note", id: "tools-used" }, `Tools used: ${described.join("; ")}.`) : null;
}

function drawCallersCalls(calls) {
  const items = listObjects(calls, 100).map(({ name, arguments: given }, number) =>
    h("li", { key: number }, h("details", { open: true }, h("summary", {}, h("span", { class: "tool" }, clip(String(name), 200))), h("div", { class: "step" }, h(LongText, { text: String(given ?? "") })))),
  );
  return items.length ? h("div", {}, h("h5", {}, "Calls that whoever asked has to run"), h("ul", { class: "calls" }, items)) : null;
}

const listObjects = (value, most) => (Array.isArray(value) ? value : []).filter((each) => typeof each === "object" && each !== null).slice(0, most);
