// What is said about caps. Pure.

import { money, zonedMoment } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { nameField } from "/console/operate/field_words.js";

const NOBODY = "00000000-0000-0000-0000-000000000000";
const ORDER = ["total", "provider", "project", "owner", "column"];
const PERIODS = { day: "a day (UTC)", month: "a month (UTC)", ever: "in all, for ever" };

export function nameCap({ scope, key }) {
  if (scope === "total") return "everything";
  if (scope === "owner" && key === "*") return "users without a cap of their own";
  if (scope === "owner" && key === "anonymous") return "all anonymous sign-ins";
  if (scope === "owner") return key === NOBODY || !key || key === "none" ? "tasks without an owner" : `owner ${clip(key.slice(0, 8), 8)}`;
  if (scope === "column") return `AI column ${clip(key.slice(0, 8), 8)}`;
  return `${scope} ${clip(key ?? "", 100)}`;
}

/** The caps in an order that stays: those of everything first. */
export function sortCaps(budgets) {
  const place = ({ scope }) => ORDER.indexOf(scope);
  const text = (each) => `${each.key} ${each.per}`;
  return [...budgets].sort((a, b) => place(a) - place(b) || (text(a) < text(b) ? -1 : 1));
}

export const describeReset = ({ resets_at: at, per }) => (per === "ever" ? "never" : at ? zonedMoment(at) : "–");

const HINTS = {
  provider: "The id of a provider, such as openai.",
  project: "The name of a project.",
  owner: "The UUID of a user, none (tasks without an owner), * (each user without a cap of their own) or anonymous.",
  column: "The UUID of an AI column.",
};
const MISSING = {
  provider: "No model of this provider is served now.",
  project: "No task of this project exists yet.",
  column: "There is no AI column of this UUID.",
};

/** The fields of a new cap, or of one that is changed. The `scope` and `key` of `start` are not asked for. */
export function capFields(budget, known = {}, start = {}) {
  const limit = { name: "limit", label: nameField("budget", "limit_usd"), type: "number", min: 0, step: "any", required: true, value: budget ? String(Number(budget.limit_usd)) : "" };
  const unpriced = { name: "unpriced", label: nameField("budget", "allow_unpriced"), type: "tick", value: budget?.allow_unpriced ?? false };
  const per = { name: "per", label: "Per", type: "select", value: start.key ? "month" : "day", options: [["day", "day"], ["month", "month"], ["ever", "ever"]] };
  if (budget) return [limit, unpriced];
  if (start.key) return [limit, per, unpriced];
  return [
    { name: "scope", label: "For", type: "select", value: "total", options: [["total", "everything"], ["provider", "a provider"], ["project", "a project"], ["owner", "an owner"], ["column", "an AI column"]] },
    { name: "key", label: "Which", hint: (values) => HINTS[values.scope], list: (values) => known[values.scope] ?? [], required: true, value: "", when: ({ scope }) => scope !== "total" },
    per,
    limit,
    unpriced,
  ];
}

/** Return the scope and key as the gateway takes them. */
export function nameKey({ scope, key }) {
  if (scope === "total") return { scope };
  return { scope, key: scope === "owner" && (!key || key === NOBODY) ? "none" : key };
}

/** Return the body of the request. */
export function readCap({ scope, key, per, limit, unpriced, reason = null }, budget) {
  const chosen = budget ?? { scope, key: (key ?? "").trim(), per };
  return { ...nameKey(chosen), per: chosen.per, limit_usd: limit, allow_unpriced: unpriced === true, reason };
}

/** What a cap will do, from what is spent now. `known` has the values that exist, as far as they are known. */
export function sayCap(cap, budgets, known = {}) {
  const isMissing = cap.key && MISSING[cap.scope] && known[cap.scope] && !known[cap.scope].some(([each]) => each === cap.key);
  return [sayLimit(cap, budgets), isMissing && MISSING[cap.scope]].flat().filter(Boolean);
}

function sayLimit(cap, budgets) {
  if (cap.limit_usd === "" || Number.isNaN(Number(cap.limit_usd))) return "";
  const limit = Number(cap.limit_usd);
  const same = (each) => each.scope === cap.scope && each.per === cap.per && nameKey(each).key === cap.key;
  const now = budgets.find(same);
  const sentences = [`Calls for ${nameCap(cap)} may cost at most ${money(limit)} ${PERIODS[cap.per]}${now ? `, instead of ${money(now.limit_usd)}` : ""}.`];
  if (!now || cap.key === "*") return sentences;
  const taken = Number(now.spent_usd) + Number(now.reserved_usd);
  const left = limit + Number(now.extra_usd ?? 0) - taken;
  sentences.push(left > 0 ? `${money(taken)} is spent or reserved, so ${money(left)} is left.` : `${money(taken)} is spent or reserved already: no call begins ${cap.per === "ever" ? "any more" : "until it resets"}. Calls that run go on.`);
  return sentences;
}

export function sayRemoval({ limit_usd: limit, per }) {
  return `Nothing is limited to ${money(limit)} ${PERIODS[per]} any more; what waits for this cap goes on. Other caps stay.`;
}
