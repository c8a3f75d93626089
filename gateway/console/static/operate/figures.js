// The bar's figures for operators: agents that are alive, and subtasks by what they do.

import { get, poll } from "/console/lib/api.js";
import { byId } from "/console/lib/dom.js";
import { h, render } from "/console/vendor/preact.js";

const EVERY_MS = 3_000;

/** Show the figures and keep them up to date; stop if the reader is not an operator. */
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
  const total = (name) => lanes.reduce((sum, lane) => sum + lane[name], 0);
  const alive = agents.filter((each) => each.state === "alive").length;
  const figures = [["agents", alive, "agents"], ["queued", total("queued"), "queue"], ["running", total("running"), "queue"], ["dead", total("dead"), "dead"]];
  byId("figures").hidden = false;
  // Links stay in place, so that the focused one keeps the focus.
  render(figures.map(([name, value, page]) => h("div", { key: name, class: name === "agents" ? "alive" : name }, h("dt", {}, h("a", { href: `#/${page}` }, name)), h("dd", {}, value))), byId("figures"));
}
