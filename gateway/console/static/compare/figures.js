// The figures of tasks that stand beside each other, and the tasks that a task can be compared with. Pure.

import { count, isOver, milliseconds, money } from "/console/lib/format.js";
import { buildAddress } from "/console/lib/route.js";

/** So many tasks are compared at most. */
export const MOST = 4;

/** Return the figures of a task of what GET /tasks/{id} gives. */
export function readFigures({ task, subtasks, attempts }, now) {
  const asked = attempts.filter((each) => each.model_id).toSorted((a, b) => Date.parse(a.claimed_at) - Date.parse(b.claimed_at));
  const end = task.finished_at ? Date.parse(task.finished_at) : now;
  const steps = subtasks.filter((each) => each.kind !== "flow" && each.kind !== "sleep" && each.lane !== "cio");
  return {
    models: [...new Set(asked.map((each) => each.model_id))],
    status: task.status,
    took: Math.max(0, end - Date.parse(task.created_at)),
    first: asked.find((each) => each.first_token_ms !== null && each.first_token_ms !== undefined)?.first_token_ms ?? null,
    cost: task.cost_usd === null || task.cost_usd === undefined ? null : Number(task.cost_usd),
    read: task.input_tokens + task.cached_tokens,
    written: task.output_tokens,
    steps: steps.length,
    failed: attempts.filter((each) => each.outcome === "failed" || each.outcome === "reaped").length,
    checks: readChecks(task.result),
    simulated: task.simulated,
  };
}

/** Return what the checks of a result have shown in a few words; null if there were none. */
function readChecks(result) {
  const { verification, checks } = result ?? {};
  if (verification?.status) return String(verification.summary ?? verification.status);
  if (Array.isArray(checks) && checks.length) return checks.map((each) => `${each?.key}: ${each?.text}`).join("; ");
  return null;
}

/** Return rows `{ name, values, best }`; `best` are the columns with the least, if it is not that of all. */
export function compareFigures(figures) {
  const row = (name, read) => ({ name, values: figures.map(read), best: [] });
  const measured = (name, read, write) => {
    const values = figures.map(read);
    const known = values.filter((each) => each !== null);
    const least = Math.min(...known);
    const isOpen = figures.some((each) => !isOver(each.status));
    const isSame = known.length < figures.length || known.every((each) => each === least);
    return { name, values: values.map((each) => (each === null ? "–" : write(each))), best: isOpen || isSame ? [] : values.flatMap((each, number) => (each === least ? [number] : [])) };
  };
  const rows = [
    row("Models", (each) => each.models.join(", ") || "–"),
    row("State", (each) => each.status),
    measured("Took", (each) => each.took, milliseconds),
    measured("First token", (each) => each.first, milliseconds),
    measured("Cost", (each) => each.cost, money),
    measured("Tokens read", (each) => each.read, count),
    measured("Tokens written", (each) => each.written, count),
    measured("Steps", (each) => each.steps, count),
    measured("Failed attempts", (each) => each.failed, count),
    row("Checks", (each) => each.checks ?? "–"),
  ];
  return rows.filter(({ name, values }) => name !== "Checks" || values.some((each) => each !== "–"));
}

/** Return the text of a result: its code, if it is only that. */
export function readAnswer({ task }) {
  const { text, generated_code: code, data } = task.result ?? {};
  for (const each of [text, code]) if (typeof each === "string" && each) return each;
  return data === undefined || data === null ? "" : JSON.stringify(data, null, 2);
}

/** Return the address of a comparison. */
export const buildComparison = (ids) => buildAddress("/compare", { a: ids[0], b: ids[1], id: ids.slice(2) });

/** Return the ids in such an address, at most `most`, without repetitions. */
export function readIds(query, most = MOST) {
  const named = [query.get("a"), query.get("b"), ...query.getAll("id")];
  return [...new Set(named.filter((each) => /^[0-9a-f-]{36}$/.test(each ?? "")))].slice(0, most);
}

/** Return the tasks that a task can be compared with, each with how it is related, the nearest first. */
export function listRelated({ task, next_run: next, forks = [] }, found) {
  const isSame = (each) => each.prompt.slice(0, 300) === task.prompt.slice(0, 300) && each.type === task.type;
  const related = new Map();
  const add = (id, how, row) => id && id !== task.id && !related.has(id) && related.set(id, { id, how, row });
  const rows = new Map(found.map((each) => [each.id, each]));
  add(next?.id, "next run", next);
  add(task.previous_task_id, "run before", rows.get(task.previous_task_id) ?? null);
  add(task.forked_from, "asked again from", rows.get(task.forked_from) ?? null);
  for (const each of forks) add(each.id, "asked again", each);
  for (const each of found.filter((other) => task.forked_from && other.forked_from === task.forked_from)) add(each.id, "asked again from the same", each);
  for (const each of found.filter(isSame)) add(each.id, "same prompt", each);
  return [...related.values()];
}
