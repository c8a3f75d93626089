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
  return buildTable("Attempts", columns, body);
}

/** `isSimulated`: the simulator answered in place of the selected models. */
export function buildSelections(rows, isSimulated) {
  return h(
    "ul",
    { class: "choices" },
    rows.map((each) =>
      h(
        "li",
        {},
        h("strong", {}, each.selected_model ?? "no model"),
        each.provider ? ` at ${each.provider}` : "",
        isSimulated ? " · simulated" : "",
        h("p", {}, each.reason ?? "no reason was recorded"),
        buildCandidates(each.candidates),
      ),
    ),
  );
}

function buildCandidates(rows) {
  if (rows.length === 0) return null;
  const named = rows.map((each) => {
    const name = each.model_id ?? each.model ?? "?";
    const parts = [...describeExpected(each), each.refused ?? each.set_aside].filter(Boolean);
    return h("li", {}, name, parts.length > 0 ? h("small", {}, ` – ${parts.join(" · ")}`) : null);
  });
  return h("details", {}, h("summary", {}, `${rows.length} considered`), h("ul", {}, named));
}

/** Lists what was expected of a candidate, and which preferences would have taken it. */
function describeExpected({ expected, preferred_by: preferences }) {
  if (typeof expected?.quality !== "number") return [];
  const { quality, low, high, cost_usd: cost, total_ms: time } = expected;
  const between = typeof low === "number" && typeof high === "number" ? ` (${low.toFixed(2)} to ${high.toFixed(2)})` : "";
  return [
    `quality ${quality.toFixed(2)}${between}`,
    typeof cost === "number" ? `about $${cost.toFixed(4)}` : "no known price",
    typeof time === "number" ? `${(time / 1000).toFixed(1)} s` : null,
    Array.isArray(preferences) ? `taken by ${preferences.join(", ")}` : null,
  ];
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
