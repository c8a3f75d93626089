// What was spent of each cap: everybody's for operators, one's own for others.

import { get } from "/console/api.js";
import { byId, h, show } from "/console/dom.js";
import { moment, money } from "/console/format.js";

const EVERY_MS = 5_000;
const NOBODY = "00000000-0000-0000-0000-000000000000";

/** Ask again and again while the page is seen. */
export async function follow() {
  for (;;) {
    if (!document.hidden) {
      try {
        const { budgets } = await get("/budgets");
        byId("caps").hidden = budgets.length === 0;
        show(byId("budgets"), budgets.map(cap));
      } catch {
        // Away or not let in: others say so; it is asked again.
      }
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

function cap(each) {
  const limit = Number(each.limit_usd);
  const isDefault = each.scope === "owner" && each.key === "*";
  const taken = Number(each.spent_usd) + Number(each.reserved_usd);
  const reserved = Number(each.reserved_usd) > 0 ? `, ${money(each.reserved_usd)} of it reserved` : "";
  const resets = each.resets_at ? `resets ${moment(each.resets_at)}` : "never resets";
  return h(
    "li",
    { title: each.key },
    h("span", { class: `status ${taken >= limit ? "failed" : "alive"}` }, each.per),
    h("span", { class: "title" }, name(each)),
    h(
      "span",
      { class: "facts" },
      isDefault ? `up to ${money(limit)} each · ${resets}` : `${money(taken)} of ${money(limit)}${reserved} · ${resets}`,
      h("meter", { min: 0, max: limit, high: limit * 0.8, value: taken, "aria-label": `Spent of the cap for ${name(each)}` }),
    ),
  );
}

function name({ scope, key }) {
  if (scope === "total") return "everything";
  if (scope === "owner" && key === "*") return "users without a cap of their own";
  if (scope === "owner" && key === "anonymous") return "all anonymous sign-ins";
  if (scope === "owner") return key === NOBODY ? "tasks without an owner" : `owner ${key.slice(0, 8)}`;
  return key;
}
