// Why a task took as long as it did: to each moment belongs what the task waited for then. Pure.

import { milliseconds } from "/console/lib/format.js";

const MOST = 5;
/** What took less than this part of the whole is not named, nor what took less than these milliseconds. */
const LEAST_PART = 0.02;
const LEAST_MS = 5;

/**
 * Return what the task waited for at each moment from `from` to `to`: pieces without gaps, each with the
 * segment that it is `of`, null where there is none.
 *
 * Of steps at the same time the one counts that ends last, for the task waits for that. A step that was not
 * needed, and the workflow itself, count where nothing else happens.
 */
export function traceTime(steps, from, to) {
  if (!(to > from)) return [];
  const segments = steps.flatMap((step) =>
    step.segments
      .filter((each) => each.kind !== "steps" && each.to > from && each.from < to)
      .map((each) => ({ ...each, of: each.of ?? each, rank: rankStep(step), end: step.isOver ? step.to : Infinity })),
  );
  segments.sort((a, b) => a.rank - b.rank || b.end - a.end || b.to - a.to);
  const times = [from, to, ...segments.flatMap((each) => [Math.max(from, each.from), Math.min(to, each.to)])];
  const cuts = [...new Set(times)].sort((a, b) => a - b);
  const place = new Map(cuts.map((each, number) => [each, number]));
  const owner = new Array(cuts.length - 1).fill(null);
  const next = cuts.map((_, number) => number); // the next moment that belongs to nothing yet
  const find = (number) => {
    let root = number;
    while (next[root] !== root) root = next[root];
    while (next[number] !== root) [number, next[number]] = [next[number], root];
    return root;
  };
  for (const each of segments) {
    const last = place.get(Math.min(each.to, to));
    for (let at = find(place.get(Math.max(each.from, from))); at < last; at = find(at)) {
      owner[at] = each;
      next[at] = at + 1;
    }
  }
  const pieces = [];
  owner.forEach((each, number) => {
    const last = pieces.at(-1);
    const of = each?.of ?? null;
    if (last && last.of === of) last.to = cuts[number + 1];
    else pieces.push({ kind: each?.kind ?? "between", name: each?.name ?? null, from: cuts[number], to: cuts[number + 1], of });
  });
  return pieces;
}

/** Return `[{ kind, name, ms, count }]` of pieces from `traceTime`, the longest first. */
export function sumTime(pieces) {
  const groups = new Map();
  for (const { kind, name, from, to, of } of pieces) {
    const key = `${kind}\n${name ?? ""}`;
    if (!groups.has(key)) groups.set(key, { kind, name, ms: 0, members: new Set() });
    groups.get(key).ms += to - from;
    groups.get(key).members.add(of);
  }
  return [...groups.values()].map(({ members, ...rest }) => ({ ...rest, count: members.size })).sort((a, b) => b.ms - a.ms);
}

function rankStep({ subtask }) {
  if (subtask.kind === "flow") return 2;
  return subtask.not_needed ? 1 : 0;
}

/** Return the sentence that says what took how long, of parts from `sumTime`. */
export function explainTime(parts, isOver) {
  const total = parts.reduce((sum, each) => sum + each.ms, 0);
  if (!parts.length) return "";
  const named = parts.filter((each) => each.ms >= LEAST_MS && each.ms >= total * LEAST_PART).slice(0, MOST);
  const rest = total - named.reduce((sum, each) => sum + each.ms, 0);
  const said = named.map((each) => `${milliseconds(each.ms)} ${describePart(each)}`);
  if (rest >= Math.max(LEAST_MS, total * LEAST_PART)) said.push(`${milliseconds(rest)} for everything else`);
  return `${milliseconds(total)}${isOver ? "" : " so far"}: ${said.join(", ")}.`;
}

function describePart({ kind, name, count = 1 }) {
  const calls = (number, what) => (number === 1 ? `one ${what}` : `${number} ${what}s`);
  switch (kind) {
    case "call": return `for ${calls(count, "call")} of ${name}`;
    case "failed": return `for ${calls(count, "failed call")} of ${name}`;
    case "tool": return `for the tool ${name}${count > 1 ? ` (${count} calls)` : ""}`;
    case "check": return `for ${calls(count, "check")} in ${name}`;
    case "plan": return "for planning";
    case "agent": return "for what agents do around calls";
    case "lost": return "lost with an agent that died";
    case "child": return `for the child task ${name}`;
    case "queue": return `waiting in the queue of ${name === "cio" ? "the orchestrator" : name}`;
    case "backoff": return "waiting before another attempt";
    case "approval": return "waiting for a person's answer";
    case "budget": return "waiting because a budget is spent";
    case "event": return name ? `waiting for the event ${name}` : "waiting for an event";
    case "held": return "held by a person";
    case "sleep": return "waiting until a set time";
    case "blocked": return "waiting for steps before";
    default: return "between steps";
  }
}

/** Short names of the kinds, for the legend. */
export const KINDS = {
  call: "model call", failed: "failed call", tool: "tool", check: "check", agent: "agent", plan: "planning", child: "child task", lost: "lost with its agent",
  queue: "in the queue", backoff: "before another attempt", approval: "waits for a person", budget: "budget is spent", event: "waits for an event", held: "held",
  sleep: "until a set time", blocked: "waits for steps before",
};
