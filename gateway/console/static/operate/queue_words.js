// What is said about lanes and owners, and sums of the queue. Pure.

import { nameField } from "/console/operate/field_words.js";

export const FIGURES = ["queued", "running", "blocked", "delayed", "waiting", "held", "dead"];
const RATES = ["completed_per_minute", "failed_per_minute"];

/** Sum the queue's rows by `lane` or `owner`; the busiest first. */
export function sumBy(rows, kind) {
  const found = new Map();
  for (const row of rows) {
    const key = kind === "lane" ? row.lane : (row.owner ?? "none");
    const sum = found.get(key) ?? start(row, kind, key);
    for (const name of [...FIGURES, ...RATES]) sum[name] += row[name];
    if (row.oldest_ms !== null) sum.oldest_ms = Math.max(sum.oldest_ms ?? 0, row.oldest_ms);
    found.set(key, sum);
  }
  const work = (each) => each.paused * 1e9 + each.queued + each.running;
  return [...found.values()].sort((a, b) => work(b) - work(a) || (a.key < b.key ? -1 : 1));
}

/** Return the lanes that executors serve and of which the queue says nothing. */
export function listIdle(agents, rows) {
  const served = agents.filter(({ agent, state }) => state === "alive" && agent.kind === "executor").flatMap(({ agent }) => agent.lanes);
  const known = new Set(rows.map((row) => row.lane));
  return [...new Set(served)].filter((lane) => !known.has(lane)).sort();
}

/** Say what an action on a lane or an owner did to it: paused, resumed or limited. */
export function nameAction({ before, after }) {
  const [was, is] = [before?.paused === true, after?.paused === true];
  if (was !== is) return is ? "paused" : "resumed";
  return "limited";
}

/** Return the latest actions on each lane or owner, newest first, by its key; at most `most` of each. */
export function groupActions(actions, most) {
  const found = new Map();
  for (const each of actions) {
    const known = found.get(each.subject) ?? [];
    if (known.length < most) found.set(each.subject, [...known, each]);
  }
  return found;
}

function start(row, kind, key) {
  const zeros = Object.fromEntries([...FIGURES, ...RATES].map((name) => [name, 0]));
  return { ...zeros, key, lane: row.lane, owner: row.owner, oldest_ms: null, paused: row[`${kind}_paused`], max_running: row[`${kind}_max_running`], per_minute: row[`${kind}_per_minute`] };
}

const subtasks = (count) => `${count.toLocaleString("en")} ${count === 1 ? "subtask" : "subtasks"}`;

export function sayPause({ queued, running }) {
  const waits = queued ? `${subtasks(queued)} that ${queued === 1 ? "is" : "are"} queued will wait until it is resumed` : "Nothing is queued; what comes will wait until it is resumed";
  return `${waits}; ${running ? `${subtasks(running)} that ${running === 1 ? "runs" : "run"} will finish` : "nothing runs"}.`;
}

export function sayResume({ queued, max_running: most }) {
  const starts = queued ? `${subtasks(queued)} may begin` : "Nothing is queued; what comes may begin";
  return `${starts}${most === null ? "" : `, at most ${most} at once`}.`;
}

export function limitFields({ max_running: most, per_minute: rate }) {
  return [
    { name: "most", label: `${nameField("lane", "max_running")} (empty: no limit)`, type: "number", min: 0, max: 2 ** 31 - 1, step: 1, value: most === null ? "" : String(most) },
    { name: "rate", label: `${nameField("lane", "per_minute")} (empty: no limit)`, type: "number", min: 1, max: 2 ** 31 - 1, step: 1, value: rate === null ? "" : String(rate) },
  ];
}

const number = (text) => (String(text).trim() === "" ? null : Number(text));

export function readLimits({ most, rate, reason }) {
  return { max_running: number(most), per_minute: number(rate), reason };
}

export function sayLimit({ queued, running }, { most: asked, rate }) {
  const most = number(asked);
  const first =
    most === null ? "As many run at once as executors have room for."
    : most === 0 ? `Nothing more begins: ${subtasks(queued)} will wait.`
    : `At most ${most} run at once, over all agents.`;
  const over = most !== null && running > most ? ` ${running} run now: none is stopped, and none begins until fewer than ${most || 1} run.` : "";
  const pace = number(rate);
  return [first + over, pace === null ? null : `At most ${pace} begin a minute${queued > pace ? `: the ${subtasks(queued)} that wait need at least ${Math.ceil(queued / pace)} minutes` : ""}.`];
}

/** Name the limits in a few words; empty without any. */
export function namePace({ max_running: most, per_minute: rate }) {
  return [most === null ? null : `${most} at once`, rate === null ? null : `${rate} a minute`].filter(Boolean).join(", ");
}
