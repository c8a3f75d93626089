// Tables of a task: attempts, model selections with their reasons, and history.

import { clock, cost, count, explain, milliseconds } from "/console/lib/format.js";
import { h } from "/console/lib/dom.js";
import { buildTable } from "/console/lib/table.js";

export function buildAttempts(rows, getSubtaskKey) {
  const columns = ["Subtask", "Model", "Agent", "Outcome", "First token", "Total", "Tokens", "Cost"];
  const body = rows.flatMap((each) => {
    const outcome = each.outcome ?? "running";
    const line = h(
      "tr",
      {},
      h("th", { scope: "row" }, `${getSubtaskKey(each.subtask_id)} #${each.attempt}`),
      h("td", {}, each.model_id ?? each.lane, each.provider ? h("small", {}, each.provider) : null, each.simulated ? h("small", {}, "simulated") : null),
      h("td", {}, each.agent_id.split("@")[0], h("small", {}, clock(each.claimed_at))),
      h("td", {}, h("span", { class: `status ${outcome}` }, outcome)),
      h("td", { class: "figure" }, milliseconds(each.first_token_ms)),
      h("td", { class: "figure" }, milliseconds(each.duration_ms)),
      h("td", { class: "figure" }, `${count(each.input_tokens)} → ${count(each.output_tokens)}`),
      h("td", { class: "figure" }, cost(each)),
    );
    if (!each.error) return [line];
    return [line, h("tr", { class: "why" }, h("td", { colspan: columns.length }, explain(each.error)))];
  });
  return buildTable("All attempts", columns, body);
}

const WAITS = { event: "the event", task: "a child task" };

export function buildHistory(events, getSubtaskKey) {
  return h(
    "ol",
    { class: "history" },
    events.map((each) => {
      const [noun, status] = each.kind.split(".");
      const { role, kind, name, run_at: until } = each.detail ?? {};
      const step = () => `${getSubtaskKey(each.subtask_id)}${role ? ` (${role})` : ""}${each.attempt ? ` #${each.attempt}` : ""}`;
      const who = each.subtask_id ? step() : noun;
      const what = status === "waiting" ? ` for ${WAITS[kind] ?? "a person"}${name ? ` ${name}` : ""}` : status === "delayed" && until ? ` until ${clock(until)}` : "";
      return h("li", {}, h("time", { datetime: each.at }, clock(each.at)), ` ${who} `, h("span", { class: `status ${status}` }, status), what);
    }),
  );
}
