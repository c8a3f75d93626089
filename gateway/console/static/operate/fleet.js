// Agents and the queue, for operators: figures in the bar, and the lists of the page.

import { get, poll } from "/console/lib/api.js";
import { byId, h, show } from "/console/lib/dom.js";
import { buildTable } from "/console/lib/table.js";

const EVERY_MS = 3_000;
const FIGURES = ["queued", "running", "blocked", "delayed", "waiting", "held", "dead"];

const agentList = h("ul", { id: "agents", class: "agents" });
const queue = h("div", { id: "queue" });
export const root = h("section", { class: "section", "aria-label": "Agents" }, h("h3", {}, "Agents"), agentList, h("h3", {}, "Queue"), queue);

/** Show agents and queue and keep them up to date; stop if the caller is not an operator. */
export function watch() {
  return poll(EVERY_MS, async () => {
    try {
      const [{ agents }, { lanes }] = await Promise.all([get("/agents"), get("/queue")]);
      document.body.classList.add("operator");
      draw(agents, lanes);
    } catch (error) {
      // Unreachable or unauthorized: the page shows that elsewhere, and this is retried.
      if (error.status !== 403) return false;
      byId("figures").hidden = true;
      return true;
    }
  });
}

function draw(agents, lanes) {
  show(agentList, agents.length ? agents.map(buildAgent) : h("li", { class: "note" }, "No agent is alive. Start some with cogo up."));
  const busy = lanes.filter((lane) => FIGURES.some((name) => lane[name] > 0) || lane.lane_paused);
  show(queue, busy.length ? buildQueue(busy) : h("p", { class: "note" }, "The queue is empty."));
  const total = (name) => lanes.reduce((sum, lane) => sum + lane[name], 0);
  const alive = agents.filter((each) => each.state === "alive").length;
  const figures = byId("figures");
  figures.hidden = false;
  show(figures, [["agents", alive], ["queued", total("queued")], ["running", total("running")], ["dead", total("dead")]].map(
    ([name, value]) => h("div", { class: name === "agents" ? "alive" : name }, h("dt", {}, name), h("dd", {}, String(value))),
  ));
}

function buildAgent({ agent: each, state }) {
  const about = [`${each.running} of ${each.capacity} busy`];
  const models = each.lanes.filter((lane) => !lane.startsWith("sandbox:") && !lane.startsWith("tools:"));
  if (each.kind === "executor") about.push(`${models.length} models`);
  if (each.details?.sandbox) about.push(`sandbox ${each.details.sandbox}`);
  if (each.details?.simulated) about.push("simulated");
  return h(
    "li",
    { title: each.lanes.join(", ") },
    h("span", { class: `status ${state}` }, state),
    h("span", { class: "title" }, each.id.split("@")[0]),
    h("span", { class: "facts" }, about.join(" · ")),
  );
}

function buildQueue(lanes) {
  const shown = FIGURES.filter((name) => lanes.some((lane) => lane[name] > 0));
  const rows = lanes.map((lane) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, lane.lane, lane.lane_paused ? h("small", {}, "paused") : null),
      shown.map((name) => h("td", { class: "figure" }, String(lane[name]))),
    ),
  );
  return buildTable("Queue", ["Lane", ...shown], rows);
}
