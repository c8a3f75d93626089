// Limits: the red button, and caps with what is spent of them. Other users see their own caps.

import { useChanges } from "/console/operate/dialog.js";
import { askForCap } from "/console/operate/caps.js";
import { describeReset, nameCap, nameKey, sayRemoval, sortCaps } from "/console/operate/limit_words.js";
import { useKnown } from "/console/operate/known.js";
import { Button, Meter, Operate, Reading, Table, useWindow } from "/console/operate/parts.js";
import { SpendingSwitch } from "/console/operate/stopped.js";
import { remove } from "/console/lib/api.js";
import { money } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { getReader } from "/console/lib/reader.js";
import { buildAddress } from "/console/lib/route.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 5_000;

export function Page({ query }) {
  const isOperator = getReader()?.is_operator ?? false;
  const read = useData("/budgets", { every: EVERY_MS });
  const known = useKnown(isOperator);
  const [dialog, ask] = useChanges(read.reload);
  const budgets = sortCaps(read.data?.budgets ?? []);
  const [shown, more] = useWindow(budgets);
  const set = (budget) => ask(askForCap({ budget, budgets, known }));
  return h(
    Operate,
    { path: "/limits", title: "Limits" },
    isOperator && h(SpendingSwitch, { query }),
    h("h3", {}, "Caps"),
    h(Reading, { of: read, what: "the caps" }),
    read.data && !budgets.length && h("p", { class: "note" }, isOperator ? "There are no caps: calls are limited by nothing but the vendors." : "No cap applies to you."),
    isOperator && h("p", { class: "actions" }, h(Button, { label: "Set a cap", onClick: () => set(null) })),
    budgets.length > 0 && h(Table, { caption: "Caps", columns: ["For", "Per", "Spent", "Of", "Resets", ...(isOperator ? [""] : [])] }, shown.map((each) => h(CapRow, { key: `${each.scope} ${each.key} ${each.per}`, each, isOperator, set, ask }))),
    more,
    dialog,
  );
}

function CapRow({ each, isOperator, set, ask }) {
  const name = nameCap(each);
  const most = Number(each.limit_usd) + Number(each.extra_usd ?? 0);
  const taken = Number(each.spent_usd) + Number(each.reserved_usd);
  const isTemplate = each.scope === "owner" && each.key === "*";
  const take = () => ask({
    title: `Remove the cap of ${name}`,
    say: () => sayRemoval(each),
    confirm: "Remove it",
    isGrave: true,
    run: ({ reason }) => remove(buildAddress("/budgets", { ...nameKey(each), per: each.per, reason }).slice(1)),
    done: () => `The cap of ${name} is removed.`,
  });
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, each.scope === "column" ? h("a", { href: `#/columns/${each.key}` }, name) : name, each.is_default && h("small", {}, "by the default"), !each.allow_unpriced && h("small", {}, "refuses models without a price")),
    h("td", {}, each.per),
    h("td", { class: "figure" }, isTemplate ? "each" : [h("span", { class: "busy" }, h(Meter, { value: taken, most, label: `Spent of the cap of ${name}` }), h("span", { class: taken >= most ? "failed" : "" }, money(taken))), Number(each.reserved_usd) > 0 && h("small", {}, `${money(each.reserved_usd)} of it reserved by calls that run`)]),
    h("td", { class: "figure" }, money(each.limit_usd), Number(each.extra_usd ?? 0) > 0 && h("small", {}, `and ${money(each.extra_usd)} that people approved`)),
    h("td", {}, describeReset(each)),
    isOperator && h("td", { class: "buttons" }, h(Button, { label: "Change", name: `Change the cap of ${name}`, onClick: () => set(each) }), h(Button, { label: "Remove", name: `Remove the cap of ${name}`, onClick: take })),
  );
}
