// What is said about models and the controls of them. Pure.

import { clip } from "/console/lib/json_view.js";

const ABILITIES = [
  ["tools", ({ tools }) => tools === true],
  ["structured answers", ({ structured_output: structured }) => structured === true],
  ["reasoning", ({ reasoning }) => reasoning !== null],
  ["images", ({ inputs }) => inputs.includes("image")],
  ["PDF", ({ inputs }) => inputs.includes("pdf")],
  ["audio", ({ inputs }) => inputs.includes("audio")],
  ["video", ({ inputs }) => inputs.includes("video")],
  ["web search", ({ capabilities }) => capabilities.includes("web-search")],
];
const KINDS = { chat: "writes text", embedding: "turns texts into vectors", rerank: "ranks documents" };
const DONE = { pin: "pinned", ban: "banned", drain: "drained", allow: "allowed" };

export const nameKind = (kind) => KINDS[kind] ?? kind;
export const nameControl = (action) => DONE[action] ?? action;

/** What a model can do, as short words. */
export function listAbilities(model) {
  return ABILITIES.filter(([, has]) => has(model)).map(([name]) => name);
}

/** Tokens in a few letters: 200k, 1M. */
export function tokens(count) {
  if (count === null || count === undefined) return "–";
  if (count < 1_000) return String(count);
  const [size, letter] = count < 1_000_000 ? [1_000, "k"] : [1_000_000, "M"];
  return `${Number((count / size).toFixed(count < 10 * size ? 1 : 0))}${letter}`;
}

/** Whether the model has what is sought: text in its names, a kind, a provider, an ability, where it runs. */
export function matches(model, { q, kind, provider, ability, where }) {
  const names = [model.id, model.name, model.maker, model.provider, ...model.aliases, ...model.roles, ...model.capabilities];
  return (
    (!q || names.some((each) => each.toLowerCase().includes(q.toLowerCase()))) &&
    (!kind || model.kind === kind) &&
    (!provider || model.provider === provider) &&
    (!ability || listAbilities(model).includes(ability)) &&
    (!where || (where === "local") === model.is_local)
  );
}

const ratio = (part, whole) => (whole ? part / whole : undefined);
/** What models are sorted by, and the number that counts: [name, words, get(model, row of the report), whether the largest is first]. */
export const ORDERS = [
  ["price", "price of answers", (model) => model.usd_per_million?.output ?? (model.is_local ? 0 : undefined), false],
  ["context", "context", (model) => model.context_window ?? undefined, true],
  ["cost", "cost observed", (_model, seen) => (seen?.cost_usd === null ? undefined : Number(seen?.cost_usd ?? Number.NaN)), true],
  ["calls", "calls observed", (_model, seen) => seen?.attempts, true],
  ["speed", "time within which half the calls ended", (_model, seen) => seen?.duration_ms_p50 ?? undefined, false],
  ["failures", "share of failures", (_model, seen) => (seen ? ratio(seen.failed, seen.completed + seen.failed) : undefined), true],
  ["rating", "rating", (_model, seen) => seen?.satisfaction ?? undefined, true],
];

/** Find what was observed of a model. */
export const findSeen = (model, report) => report.find((row) => row.model_id === model.id && row.simulated === model.simulated);

/** Sort models by one of ORDERS, else as they came; those without the number come last. */
export function sortModels(models, by, report) {
  const order = ORDERS.find(([name]) => name === by);
  if (!order) return models;
  const [, , get, isLargestFirst] = order;
  const numbers = new Map(models.map((each) => [each.id, get(each, findSeen(each, report))]));
  const isKnown = (each) => Number.isFinite(numbers.get(each.id));
  const sign = isLargestFirst ? -1 : 1;
  return [...models].sort((a, b) => isKnown(b) - isKnown(a) || (isKnown(a) ? sign * (numbers.get(a.id) - numbers.get(b.id)) : 0));
}

/** The controls that apply to a model: those of itself, and those of its provider. */
export function findControls(model, controls) {
  return controls.filter(({ subject }) => subject === model.id || subject === model.provider);
}

export function describeScope(scope) {
  if (scope === "everywhere") return "everywhere";
  const [kind, value] = scope.split(/:(.*)/s);
  return kind === "owner" ? `for owner ${clip(value, 8).replace("…", "")}` : `for tasks of the type ${clip(value, 60)}`;
}

/** Return the scope as the gateway takes it; null if its value is missing. */
export function buildScope({ scope, value }) {
  if (scope === "everywhere") return scope;
  return value?.trim() ? `${scope}:${value.trim()}` : null;
}

const STATES = { available: ["available", "alive"], degraded: ["degraded: calls fail", "waiting"], unavailable: ["unavailable: all calls fail", "failed"] };

/** Return the words for a model's state over the last hour, and the class of their colour. */
export const describeState = (status) => STATES[status] ?? [status, "waiting"];

/** What a control will do, with the numbers of the queue now. */
export function sayControl({ action, subject, scope, value }, { queued, running }, controls) {
  const full = buildScope({ scope, value });
  const where = full === null || full === "everywhere" ? "" : ` ${describeScope(full)}`;
  const now = controls.find((each) => each.subject === subject && each.scope === (full ?? ""));
  const waiting = queued === 1 ? "1 subtask that is queued for it" : `${queued.toLocaleString("en")} subtasks that are queued for it`;
  const moved = queued ? `${waiting} may get another model${action === "ban" ? ", or fail if their task accepts no other" : ""}.` : "";
  const before = now ? `It is ${nameControl(now.action)} there now.` : "";
  switch (action) {
    case "":
      return [];
    case "pin":
      return [`${subject} is preferred to all others${where}. Tasks that name another model still get that one.`, before];
    case "ban":
      return [`${subject} is not chosen any more${where}, also not for tasks that name it. No new call to it begins; ${running ? `${running} that ${running === 1 ? "runs finishes" : "run finish"}` : "none runs now"}.`, moved, before];
    case "drain":
      return [`${subject} gets no new work${where} but from tasks that name it. What runs finishes.`, moved, before];
    default:
      return [now ? `${subject} may be chosen as before${where}: that it is ${nameControl(now.action)} is undone.` : `Nothing is set for ${subject} there, so nothing changes.`];
  }
}

const POLICIES = {
  auto: "by rules where one fits the request, otherwise by quality and cost",
  rules: "by rules on the request",
  scored: "as the cheapest whose expected quality is near the best",
  cheapest: "as the cheapest that is not expected to be bad",
  fastest: "as the fastest that is not expected to be bad",
  cascade: "as the cheapest plan for its quality: another one answers if a check refuses the first",
  explore: "as under scored",
  ensemble: "as up to three of different providers, whose best combines the answers",
};

export const POLICY_NAMES = Object.keys(POLICIES);
export const sayPolicy = (name) => POLICIES[name] ?? name;
