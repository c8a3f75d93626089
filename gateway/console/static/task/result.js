// What a result has besides its text: data, notes, the tools that were used, calls for the caller.

import { copyByButton } from "/console/lib/copy.js";
import { showsField } from "/console/task/decision.js";
import { h, show } from "/console/lib/dom.js";
import { milliseconds } from "/console/lib/format.js";
import { buildJson, buildText, clip, writeJson } from "/console/lib/json_view.js";

const SHOWN_ELSEWHERE = new Set([
  "text", "workflow", "verification", "receipt", "generated_code", "files", "simulated", "notes", "next_task_id",
  "language", "model_used", "file_path", "git_branch", "framework", "usage", "derived", "finish_reason", "tools_used",
  "tool_calls", "turns", "models",
]);

/** The parts of a result. They are drawn once for each end of the task, so that what is open stays so. */
export class ResultView {
  root = h("div", { class: "result", hidden: true });
  #drawn = null;

  update({ result, finished_at: at }) {
    if (at === this.#drawn) return;
    this.#drawn = at;
    const parts = [buildCallersCalls(result?.tool_calls), buildData(selectData(result)), buildNotes(result?.notes), buildToolsUsed(result?.tools_used)].filter(Boolean);
    show(this.root, ...parts);
    this.root.hidden = parts.length === 0;
  }
}

/** Return the data of a structured answer, or what a workflow returned besides its text. */
function selectData(result) {
  const data = result?.data ?? undefined;
  const own = Object.entries(result?.workflow ? result : {}).filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && !showsField(name, value) && value !== null);
  return own.some(([name]) => name !== "data") ? Object.fromEntries(own) : data;
}

function buildData(data) {
  if (data === undefined) return null;
  const tree = buildJson(data);
  const text = h("div", { hidden: true });
  const toggle = h("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => switchView() }, "As text");
  const copy = h("button", { type: "button", class: "quiet", onclick: ({ currentTarget }) => copyByButton(currentTarget, writeJson(data), "the data") }, "Copy");
  function switchView() {
    if (!text.firstChild) text.append(buildText(writeJson(data)));
    text.hidden = !text.hidden;
    tree.hidden = !tree.hidden;
    toggle.setAttribute("aria-pressed", String(tree.hidden));
  }
  return h("details", { id: "data", open: true }, h("summary", {}, "Result as data"), h("div", { class: "data" }, h("p", { class: "actions" }, copy, toggle), tree, text));
}

function buildNotes(notes) {
  if (!Array.isArray(notes) || !notes.length) return null;
  return h("ul", { class: "notes", "aria-label": "Notes" }, notes.slice(0, 20).map((each) => h("li", {}, clip(typeof each === "string" ? each : writeJson(each), 1000))));
}

function buildToolsUsed(used) {
  const described = listObjects(used, 50).map(({ tool, calls, errors, seconds }) => {
    const facts = [calls === 1 ? "1 call" : `${calls} calls`, errors ? `${errors} failed` : null, seconds >= 0.001 ? milliseconds(1000 * seconds) : null];
    return `${clip(String(tool), 200)} (${facts.filter(Boolean).join(", ")})`;
  });
  return described.length ? h("p", { class: "note", id: "tools-used" }, `Tools used: ${described.join("; ")}.`) : null;
}

function buildCallersCalls(calls) {
  const items = listObjects(calls, 100).map(({ name, arguments: given }) =>
    h("li", {}, h("details", { open: true }, h("summary", {}, h("span", { class: "tool" }, clip(String(name), 200))), h("div", { class: "step" }, buildText(String(given ?? ""))))),
  );
  return items.length ? h("div", {}, h("h5", {}, "Calls that whoever asked has to run"), h("ul", { class: "calls" }, items)) : null;
}

const listObjects = (value, most) => (Array.isArray(value) ? value : []).filter((each) => typeof each === "object" && each !== null).slice(0, most);
