// The page of the operators: agents, the queue, and what is spent of each budget.

import { h, show } from "/console/lib/dom.js";
import { viewOf } from "/console/lib/hooks.js";
import { setTitle } from "/console/lib/title.js";
import * as budgets from "/console/operate/budgets.js";
import * as fleet from "/console/operate/fleet.js";

export const Page = viewOf((root) => {
  show(root, h("div", { class: "page" }, h("h2", {}, "Agents"), budgets.root, fleet.root));
  setTitle("Agents · COGO");
  return { close() {} };
});
