// The steps of a task on one axis of time. Each opens to show its report, answer, prompt or error.

import { h, s, show } from "/console/lib/dom.js";
import { explain, milliseconds, money } from "/console/lib/format.js";
import { buildJson, buildText } from "/console/lib/json_view.js";
import { buildReport } from "/console/task/verification.js";

const AXIS = 1000;

/** Compute the rows: steps of a branch stand together, times are positions on the axis. */
export function arrange({ subtasks, attempts, selections = [] }, now) {
  const at = (iso) => (iso ? Date.parse(iso) : now);
  const rows = orderByBranch(subtasks).map((each) => {
    const own = attempts.filter((attempt) => attempt.subtask_id === each.id);
    const spans = own.map((attempt) => [at(attempt.claimed_at), at(attempt.ended_at ?? each.finished_at)]);
    // Nobody claims a step that waits: its time is that of its wait.
    if (!spans.length && each.lane === "wait") spans.push([at(each.created_at), at(each.finished_at)]);
    return { subtask: each, spans, attempts: own };
  });
  const times = rows.flatMap((row) => [at(row.subtask.created_at), ...row.spans.flat()]);
  const begin = Math.min(...times);
  const scale = AXIS / Math.max(1, Math.max(...times) - begin);
  return rows.map(({ subtask, spans, attempts: own }) => {
    const path = subtask.key.split("/");
    const costs = own.map((each) => each.cost_usd).filter((each) => each !== null && each !== undefined);
    return {
      subtask,
      name: path.at(-1),
      branch: path.slice(0, -1).join("/"),
      status: subtask.not_needed ? "not needed" : subtask.status,
      bars: spans.map(([from, to]) => ({ x: (from - begin) * scale, width: Math.max(4, (to - from) * scale) })),
      took: spans.length ? spans.reduce((sum, [from, to]) => sum + to - from, 0) : null,
      tries: subtask.kind === "flow" ? 1 : own.length,
      cost: costs.length ? costs.reduce((sum, each) => sum + Number(each), 0) : null,
      reason: selections.find((each) => each.subtask_id === subtask.id)?.reason ?? null,
    };
  });
}

function orderByBranch(subtasks) {
  const sorted = subtasks.toSorted((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));
  const first = new Map();
  const place = sorted.map((each, number) => {
    const parts = each.key.split("/");
    return parts.map((_, depth) => {
      const path = parts.slice(0, depth + 1).join("/");
      if (depth === parts.length - 1) return number;
      if (!first.has(path)) first.set(path, number);
      return first.get(path);
    });
  });
  const compare = (a, b) => {
    for (let depth = 0; depth < Math.max(a.length, b.length); depth++) {
      const difference = (a[depth] ?? -1) - (b[depth] ?? -1);
      if (difference) return difference;
    }
    return 0;
  };
  const order = sorted.map((_, number) => number).sort((a, b) => compare(place[a], place[b]));
  return order.map((number) => sorted[number]);
}

/** The list of steps. Items stay in place, so that what is open and focused stays so. */
export class Waterfall {
  root = h("ol", { class: "waterfall", id: "waterfall" });
  #items = new Map();

  update(details) {
    const rows = arrange(details, Date.now());
    rows.forEach((row, number) => {
      const item = this.#items.get(row.subtask.id) ?? new Item();
      this.#items.set(row.subtask.id, item);
      item.update(row);
      const there = this.root.children[number] ?? null;
      if (there !== item.root) this.root.insertBefore(item.root, there);
    });
  }
}

class Item {
  #summary = h("summary", {});
  #body = h("div", { class: "step" });
  #details = h("details", { ontoggle: () => this.#drawBody() }, this.#summary, this.#body);
  #row = null;
  #drawn = null;
  root = h("li", {}, this.#details);

  update(row) {
    this.#row = row;
    show(this.#summary, ...buildLine(row));
    this.#drawBody();
  }

  #drawBody() {
    if (!this.#details.open) return;
    const { subtask, reason } = this.#row;
    const state = JSON.stringify([subtask.status, subtask.attempt, reason]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    show(this.#body, ...buildBody(this.#row));
  }
}

function buildLine({ subtask, name, branch, status, bars, took, tries, cost }) {
  const role = subtask.metadata?.role;
  const who = { ask: subtask.lane, check: subtask.lane, flow: "workflow" }[subtask.kind] ?? subtask.kind;
  return [
    h("span", { class: "key" }, branch ? h("small", {}, `${branch}/`) : null, name),
    h("span", { class: "who" }, who, role ? h("small", {}, role) : null),
    s(
      "svg",
      { class: `bar ${subtask.status}`, viewBox: `0 0 ${AXIS} 10`, preserveAspectRatio: "none", "aria-hidden": "true" },
      bars.map(({ x, width }) => s("rect", { x: Math.min(x, AXIS - width), width, height: 10 })),
    ),
    h("span", { class: "figure" }, milliseconds(took), tries > 1 ? h("small", {}, `${tries} attempts`) : null),
    h("span", { class: "figure" }, cost === null ? "" : money(cost)),
    h("span", { class: `status ${subtask.status}` }, status),
  ];
}

function buildBody({ subtask, reason }) {
  const output = subtask.output ?? {};
  const data = output.data ?? null;
  const isPlain = subtask.kind === "ask" || subtask.kind === "check";
  const found = [
    subtask.error ? h("p", { class: "problem" }, explain(subtask.error)) : null,
    reason ? h("p", { class: "note" }, reason) : null,
    subtask.params?.question ? h("p", {}, String(subtask.params.question)) : null,
    output.report ? h("p", {}, String(output.text ?? output.report.verdict)) : null,
    output.report ? buildReport(output.report, true) : null,
    isPlain && output.text && !output.report ? buildText(String(output.text)) : null,
    isPlain && data !== null && !output.report ? buildJson(data) : null,
    !isPlain && subtask.output ? buildJson(output) : null,
    subtask.kind === "ask" && subtask.params?.prompt
      ? h("details", {}, h("summary", {}, "What was asked"), buildText(String(subtask.params.prompt)))
      : null,
  ].filter(Boolean);
  return found.length ? found : [h("p", { class: "note" }, "There is nothing to show yet.")];
}
