// Who is alive and what stands in the queue; for operators, whom the gateway answers.

import { get } from "/console/api.js";
import { byId, h, show } from "/console/dom.js";
import { table } from "/console/ledger.js";

const EVERY_MS = 3_000;
const FIGURES = ["queued", "running", "blocked", "delayed", "waiting", "held", "dead"];

/** Ask again and again while the page is seen; ends when the gateway says that it is not for us. */
export async function follow(onRound) {
  for (;;) {
    if (!document.hidden) {
      try {
        const [{ agents }, { lanes }] = await Promise.all([get("/agents"), get("/queue")]);
        draw(agents, lanes);
        await onRound();
      } catch (error) {
        if (error.status === 403) return leave();
        // Away or not let in: others say so; it is asked again.
      }
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

function leave() {
  byId("fleet").hidden = true;
  byId("figures").hidden = true;
}

function draw(agents, lanes) {
  byId("fleet").hidden = false;
  show(byId("agents"), agents.length ? agents.map(agent) : h("li", { class: "note" }, "Nobody is alive: cogo up starts some."));
  const busy = lanes.filter((lane) => FIGURES.some((name) => lane[name] > 0) || lane.lane_paused);
  show(byId("queue"), busy.length ? queue(busy) : h("p", { class: "note" }, "Nothing waits."));
  const total = (name) => lanes.reduce((sum, lane) => sum + lane[name], 0);
  const alive = agents.filter((each) => each.state === "alive").length;
  const figures = byId("figures");
  figures.hidden = false;
  show(figures, [["agents", alive], ["queued", total("queued")], ["running", total("running")], ["dead", total("dead")]].map(
    ([name, value]) => h("div", { class: name === "agents" ? "alive" : name }, h("dt", {}, name), h("dd", {}, String(value))),
  ));
}

function agent({ agent: each, state }) {
  const about = [`${each.running} of ${each.capacity} busy`];
  if (each.kind === "executor") about.push(`${each.lanes.length} models`);
  if (each.details?.simulated) about.push("simulated");
  return h(
    "li",
    { title: each.lanes.join(", ") },
    h("span", { class: `status ${state}` }, state),
    h("span", { class: "title" }, each.id.split("@")[0]),
    h("span", { class: "facts" }, about.join(" · ")),
  );
}

function queue(lanes) {
  const shown = FIGURES.filter((name) => lanes.some((lane) => lane[name] > 0));
  const rows = lanes.map((lane) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, lane.lane, lane.lane_paused ? h("small", {}, "paused") : null),
      shown.map((name) => h("td", { class: "figure" }, String(lane[name]))),
    ),
  );
  return table("Queue", ["Lane", ...shown], rows);
}
