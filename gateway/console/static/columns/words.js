// What is said about an AI column and its cells. Pure.

import { count, money } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";

export const STATES = ["done", "kept", "stale", "pending", "failed"];
const EXAMPLES = 3;
const MOST_GROUPS = 50;

export const nameColumn = ({ table_name: table, column_name: column }) => `${table}.${column}`;

const PAUSED = "paused by an operator"; // if nobody said why

export const isPaused = ({ paused_at: at, paused_until: until, paused_reason: reason }) => Boolean(at || until || reason);

/** The state of a column: a word, the class of its mark, a sentence, and until when it lasts. */
export function describeState(column) {
  const { standing_still: still, paused_at: pausedAt, paused_until: until, paused_reason: reason, error, pending } = column;
  if (still) return { word: "standing still", mark: "held", why: writeSentence(still) };
  if (pausedAt) return { word: "paused", mark: "held", why: writeSentence(reason && reason !== PAUSED ? `${PAUSED}: ${reason}` : PAUSED) };
  if (isPaused(column)) return { word: "paused", mark: "held", why: writeSentence(reason ?? "a cap is spent"), until: Number.isNaN(Date.parse(until)) ? null : until };
  if (error) return { word: "failing", mark: "failed", why: writeSentence(error) };
  if (pending === undefined) return null; // only operators see it
  if (pending > 0) return { word: "working", mark: "running", why: null };
  if (column.failed > 0) return { word: "some failed", mark: "failed", why: null };
  if (column.stale > 0) return { word: "some stale", mark: "waiting", why: null };
  return { word: "up to date", mark: "completed", why: null };
}

/** Begin a text with a capital and end it with a full stop. */
function writeSentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Divide `width` among the states that have cells; each gets at least 1. */
export function divideBar(column, width) {
  const parts = STATES.map((state) => ({ state, cells: column[state] ?? 0 })).filter(({ cells }) => cells > 0);
  const total = parts.reduce((sum, { cells }) => sum + cells, 0);
  const free = width - parts.length;
  let x = 0;
  return parts.map(({ state, cells }) => {
    const part = { state, x, width: 1 + (cells / total) * free };
    x += part.width;
    return part;
  });
}

/** The numbers of cells, in words: "800 done, 12 pending (3 asked for)". */
export function describeCounts(column) {
  const parts = STATES.filter((state) => column[state] > 0).map((state) => {
    const asked = state === "pending" && column.asked > 0 ? ` (${count(column.asked)} asked for)` : "";
    return `${count(column[state])} ${state}${asked}`;
  });
  return parts.join(", ") || "no cells yet";
}

/** The key of a row, short: "17", or "eu / 17". */
export function formatKey(key) {
  const values = typeof key === "object" && key !== null ? Object.values(key) : [key];
  return values.map((each) => clip(typeof each === "string" ? each : JSON.stringify(each ?? null), 60)).join(" / ");
}

/** Group failed cells by their reason, the most frequent first, with some of each. */
export function groupFailures(cells) {
  const groups = new Map();
  for (const cell of cells) {
    const reason = cell.reason ?? "no reason was recorded";
    const group = groups.get(reason) ?? { reason, cells: 0, examples: [] };
    group.cells += 1;
    if (group.examples.length < EXAMPLES) group.examples.push(cell);
    groups.set(reason, group);
  }
  return [...groups.values()].sort((a, b) => b.cells - a.cells).slice(0, MOST_GROUPS);
}

/** What a backfill would do and cost, in sentences. */
export function describeEstimate({ cells, estimate: { low, expected, high, based_on: base } }, column) {
  if (cells === 0) return "No row is concerned: there is nothing to ask for.";
  const rows = cells === 1 ? "1 row" : `${count(cells)} rows`;
  if (expected === null) return `${rows}. What they cost is not known: no answer of this version was paid yet.`;
  const range = base > 1 ? ` (${money(low)} to ${money(high)})` : "";
  const perDay = Number(column.max_usd_per_day ?? 0);
  const days = perDay > 0 && expected > perDay ? ` With ${money(perDay)} a day that takes about ${count(Math.ceil(expected / perDay))} days.` : "";
  return `${rows}, about ${money(expected)}${range}, by ${base === 1 ? "1 answer" : `${count(base)} answers`}.${days}`;
}
