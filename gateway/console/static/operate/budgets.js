// Budgets and spending: operators see all budgets, other users their own.

import { get, poll } from "/console/lib/api.js";
import { h, show } from "/console/lib/dom.js";
import { moment, money } from "/console/lib/format.js";

const EVERY_MS = 5_000;
const NOBODY = "00000000-0000-0000-0000-000000000000";

const list = h("ul", { id: "budgets", class: "agents" });
export const root = h("section", { id: "caps", class: "section", "aria-label": "Spending", hidden: true }, h("h3", {}, "Spending"), list);

/** Show the budgets and keep them up to date. */
export function watch() {
  return poll(EVERY_MS, async () => {
    try {
      const { budgets } = await get("/budgets");
      root.hidden = budgets.length === 0;
      show(list, budgets.map(buildItem));
    } catch {
      // Unreachable or unauthorized: the page shows that elsewhere, and this is retried.
    }
  });
}

function buildItem(each) {
  const limit = Number(each.limit_usd);
  const isDefault = each.scope === "owner" && each.key === "*";
  const taken = Number(each.spent_usd) + Number(each.reserved_usd);
  const reserved = Number(each.reserved_usd) > 0 ? `, ${money(each.reserved_usd)} of it reserved` : "";
  const resets = each.resets_at ? `resets ${moment(each.resets_at)}` : "never resets";
  return h(
    "li",
    { title: each.key },
    h("span", { class: `status ${taken >= limit ? "failed" : "alive"}` }, each.per),
    h("span", { class: "title" }, each.scope === "column" ? h("a", { href: `#/columns/${each.key}` }, nameBudget(each)) : nameBudget(each)),
    h(
      "span",
      { class: "facts" },
      isDefault ? `up to ${money(limit)} each · ${resets}` : `${money(taken)} of ${money(limit)}${reserved} · ${resets}`,
      h("meter", { min: 0, max: limit, high: limit * 0.8, value: taken, "aria-label": `Spent of the budget for ${nameBudget(each)}` }),
    ),
  );
}

function nameBudget({ scope, key }) {
  if (scope === "total") return "everything";
  if (scope === "owner" && key === "*") return "users without a budget of their own";
  if (scope === "owner" && key === "anonymous") return "all anonymous sign-ins";
  if (scope === "owner") return key === NOBODY ? "tasks without an owner" : `owner ${key.slice(0, 8)}`;
  if (scope === "column") return `AI column ${key.slice(0, 8)}`;
  return key;
}
