// Why a model was chosen: the candidates of each selection, with what was expected of them.

import { milliseconds, money } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { Table } from "/console/operate/parts.js";
import { h } from "/console/vendor/preact.js";

const MOST = 100;
const COLUMNS = ["Model", "Expected quality", "Cost", "Time", "Taken by", "Why not"];
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** Return the candidates as rows, the chosen one first, then by expected quality. */
function listCandidates({ candidates, selected_model: selected }) {
  return (candidates ?? []).map(readCandidate).sort((a, b) => (b.name === selected) - (a.name === selected) || Boolean(a.why) - Boolean(b.why) || (b.quality ?? -1) - (a.quality ?? -1));
}

function readCandidate({ model_id: id, model, expected, preferred_by: preferences, refused, set_aside: aside }) {
  const read = (name) => (isNumber(expected?.[name]) ? expected[name] : null);
  return {
    name: id ?? model ?? "?",
    quality: read("quality"),
    low: read("low"),
    high: read("high"),
    cost: read("cost_usd"),
    time: read("total_ms"),
    preferences: Array.isArray(preferences) ? preferences.join(", ") : "",
    why: refused ?? aside ?? "",
  };
}

/** `isSimulated`: the simulator answered in place of the selected models. */
export function Selections({ selections, subtasks = [], isSimulated }) {
  if (!selections.length) return h("p", { class: "note" }, "No model was selected yet.");
  return h("ul", { class: "choices" }, selections.map((each, number) => h(Selection, { key: each.id ?? number, selection: each, subtasks, isSimulated })));
}

function Selection({ selection, subtasks, isSimulated }) {
  const step = subtasks.find((each) => each.id === selection.subtask_id);
  return h(
    "li",
    {},
    h("strong", {}, selection.selected_model ?? "no model"),
    selection.provider ? ` at ${selection.provider}` : "",
    step ? ` for ${step.key}` : "",
    isSimulated ? " · simulated" : "",
    h("p", {}, selection.reason ?? "no reason was recorded"),
    h(Candidates, { rows: listCandidates(selection), selected: selection.selected_model }),
  );
}

function Candidates({ rows, selected }) {
  if (!rows.length) return null;
  const most = (name) => Math.max(0, ...rows.map((each) => each[name] ?? 0));
  const [cost, time] = [most("cost"), most("time")];
  return h(
    "details",
    {},
    h("summary", {}, `${rows.length} considered`),
    h(Table, { caption: "Candidates", class: "candidates", columns: COLUMNS }, rows.slice(0, MOST).map((each) => h(
      "tr",
      { key: each.name, class: each.name === selected ? "chosen" : null },
      h("th", { scope: "row" }, clip(each.name, 100), each.name === selected ? h("small", {}, "chosen") : null),
      h(Figure, { value: each.quality, most: 1, text: describeQuality(each) }),
      h(Figure, { value: each.cost, most: cost, text: each.quality === null ? "" : each.cost === null ? "no known price" : money(each.cost) }),
      h(Figure, { value: each.time, most: time, text: each.time === null ? "" : milliseconds(each.time) }),
      h("td", {}, each.preferences),
      h("td", { class: "why-not" }, clip(String(each.why), 300)),
    ))),
    rows.length > MOST && h("p", { class: "note" }, `The first ${MOST} of ${rows.length}.`),
  );
}

function describeQuality({ quality, low, high }) {
  if (quality === null) return "";
  return low !== null && high !== null ? `${quality.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})` : quality.toFixed(2);
}

/** A number with a bar of its part of the greatest one. */
function Figure({ value, most, text }) {
  const width = value !== null && most > 0 ? Math.min(100, Math.max(1, (100 * value) / most)) : 0;
  return h(
    "td",
    { class: "figure" },
    text,
    width > 0 && h("svg", { class: "part", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" }, h("rect", { width, height: 4 })),
  );
}
