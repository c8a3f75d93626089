// Tables of a task: its attempts, and its history.

import { clock, cost, count, explain, milliseconds } from "/console/lib/format.js";
import { Said } from "/console/lib/said.js";
import { Table } from "/console/operate/parts.js";
import { h } from "/console/vendor/preact.js";

const COLUMNS = ["Subtask", "Model", "Agent", "Outcome", "First token", "Total", "Tokens", "Cost"];

/** `getKey(id)` returns the key of a step; `hint` is shown on the page already. */
export function Attempts({ rows, getKey, hint }) {
  if (!rows.length) return h("p", { class: "note" }, "No agent has claimed it yet.");
  return h(Table, { caption: "All attempts", columns: COLUMNS }, rows.map((row) => h(Attempt, { key: `${row.subtask_id} ${row.attempt}`, row, getKey, hint })));
}

function Attempt({ row, getKey, hint }) {
  const outcome = row.outcome ?? "running";
  return [
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `${getKey(row.subtask_id)} #${row.attempt}`),
      h("td", {}, row.model_id ?? row.lane, row.provider && h("small", {}, row.provider), row.simulated && h("small", {}, "simulated")),
      h("td", {}, row.agent_id.split("@")[0], h("small", {}, clock(row.claimed_at))),
      h("td", {}, h("span", { class: `status ${outcome}` }, outcome)),
      h("td", { class: "figure" }, milliseconds(row.first_token_ms)),
      h("td", { class: "figure" }, milliseconds(row.duration_ms)),
      h("td", { class: "figure" }, `${count(row.input_tokens)} → ${count(row.output_tokens)}`),
      h("td", { class: "figure" }, cost(row)),
    ),
    row.error && h("tr", { class: "why" }, h("td", { colspan: COLUMNS.length }, h(Said, { text: explain(row.error, hint) }))),
  ];
}

const WAITS = { event: "the event", task: "a child task" };

export function History({ events, getKey }) {
  return h("ol", { class: "history" }, events.map((event) => h(Event, { key: event.seq, event, getKey })));
}

function Event({ event: { kind: name, at, attempt, detail, subtask_id: stepId }, getKey }) {
  const [noun, status] = name.split(".");
  const { role, kind, name: awaited, run_at: until } = detail ?? {};
  const who = stepId ? `${getKey(stepId)}${role ? ` (${role})` : ""}${attempt ? ` #${attempt}` : ""}` : noun;
  const what = status === "waiting" ? ` for ${WAITS[kind] ?? "a person"}${awaited ? ` ${awaited}` : ""}` : status === "delayed" && until ? ` until ${clock(until)}` : "";
  return h("li", {}, h("time", { datetime: at }, clock(at)), ` ${who} `, h("span", { class: `status ${status}` }, status), what);
}
