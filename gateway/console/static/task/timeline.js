// When each step of a task waited and worked: its phases, and in them its calls to models and tools.
// Pure: `details` is what GET /tasks/{id} gives, `timeline` what GET /tasks/{id}/timeline gives.

const ENDED = new Set(["completed", "failed", "cancelled"]);
/** Phases in which nobody works for the step. */
export const WAITS = new Set(["queue", "backoff", "approval", "budget", "event", "held", "sleep", "blocked", "between"]);

/** Whether a step only limits how long another one is waited for; nobody has to be told of it. */
export function isTimeLimit({ kind, key }) {
  return kind === "sleep" && key.split("/").at(-1).split("#")[0].endsWith(":limit");
}

/**
 * Return the steps with what they did when, in the order in which they are shown. Times are milliseconds.
 * Each has `subtask`, `from`, `to`, `isOver` and `attempts`; `segments` cover its time without overlaps.
 */
export function readSteps(details, timeline, now) {
  const { task, subtasks, attempts } = details;
  const end = ENDED.has(task.status) && task.finished_at ? Date.parse(task.finished_at) : now;
  const events = groupBy(timeline?.events ?? [], "subtask_id");
  const tries = groupBy(attempts, "subtask_id");
  const calls = groupBy(timeline?.calls ?? [], "subtask_id");
  const tools = groupBy(timeline?.tool_calls ?? [], "subtask_id");
  return orderByBranch(subtasks)
    .filter((each) => !isTimeLimit(each))
    .map((subtask) => {
      const own = (tries.get(subtask.id) ?? []).toSorted((a, b) => a.attempt - b.attempt);
      const isOver = ENDED.has(subtask.status);
      const to = isOver ? Date.parse(subtask.finished_at ?? task.finished_at ?? subtask.created_at) : end;
      const parts = [...(calls.get(subtask.id) ?? []).map(readCall), ...(tools.get(subtask.id) ?? []).map((each) => readTool(each, end))];
      const phases = readPhases(subtask, events.get(subtask.id) ?? [], own, to);
      const read = own.map((each) => readAttempt(subtask, each, parts, to));
      return {
        subtask,
        from: phases[0]?.from ?? Date.parse(subtask.created_at),
        to,
        isOver,
        phases,
        attempts: read,
        segments: phases.flatMap((phase) => splitPhase(subtask, phase, read)),
        cost: addCosts(own),
      };
    });
}

/** Return the phases of a step: of its transitions, or of its attempts while those are not known. */
function readPhases(subtask, events, attempts, to) {
  const lost = new Set(attempts.filter((each) => each.outcome === "reaped").map((each) => each.attempt));
  const phases = [];
  for (const { kind, at, attempt, detail } of events) {
    const last = phases.at(-1);
    const time = Date.parse(at);
    if (last && last.to === null) last.to = Math.max(last.from, time);
    const status = kind.split(".")[1];
    if (ENDED.has(status)) continue;
    const name = nameStatus(subtask, status, attempt, detail ?? {}, lost);
    phases.push({ kind: name, from: time, to: null, attempt, name: detail?.name ?? null, until: detail?.run_at ?? null });
  }
  if (!phases.length) phases.push(...guessPhases(subtask, attempts, to));
  const last = phases.at(-1);
  if (last && last.to === null) last.to = Math.max(last.from, to);
  return phases;
}

function nameStatus({ kind, attempt: tries }, status, attempt, { cap }, lost) {
  if (status === "running") return lost.has(attempt) ? "lost" : "work";
  if (status === "queued") return "queue";
  if (status === "delayed") return kind === "sleep" || !(attempt ?? tries) ? "sleep" : "backoff";
  if (status === "held") return "held";
  if (status === "blocked") return kind === "flow" ? "steps" : "blocked";
  if (cap) return "budget";
  return { task: "child", event: "event", sleep: "sleep" }[kind] ?? "approval";
}

function guessPhases({ kind, status, lane, created_at: created }, attempts, to) {
  const begin = Date.parse(created);
  if (!attempts.length) {
    const name = lane === "wait" ? nameStatus({ kind }, "waiting", null, {}, new Set()) : ENDED.has(status) ? null : nameStatus({ kind }, status, null, {}, new Set());
    return name ? [{ kind: name, from: begin, to }] : [];
  }
  return attempts.map(({ attempt, claimed_at: from, ended_at: until, outcome }) => ({
    kind: outcome === "reaped" ? "lost" : "work", attempt, from: Date.parse(from), to: until ? Date.parse(until) : to,
  }));
}

function readCall(call) {
  return {
    kind: call.outcome === "failed" || call.outcome === "lost" ? "failed" : "call", name: call.model_id, attempt: call.attempt, from: Date.parse(call.started_at),
    to: Date.parse(call.ended_at), cost: toNumber(call.cost_usd), outcome: call.error_class ?? call.outcome, call,
  };
}

function readTool(run, end) {
  return {
    kind: "tool", name: run.tool ?? "a tool", attempt: run.attempt, from: Date.parse(run.started_at), to: run.ended_at ? Date.parse(run.ended_at) : end,
    cost: null, outcome: run.status ?? "running", call: run,
  };
}

function readAttempt(subtask, row, parts, to) {
  const begin = Date.parse(row.claimed_at);
  const end = row.ended_at ? Date.parse(row.ended_at) : to;
  const own = parts.filter((each) => each.attempt === row.attempt && (each.kind !== "tool" || each.to > begin)).sort((a, b) => a.from - b.from);
  return { row, from: begin, to: Math.max(begin, end), parts: own, isOver: row.ended_at !== null && row.ended_at !== undefined };
}

/** Return a phase as segments; the work of an attempt is split into its calls and what is between them. */
function splitPhase(subtask, phase, attempts) {
  if (phase.kind !== "work") return [{ kind: phase.kind, name: phase.name ?? nameWait(subtask, phase.kind), from: phase.from, to: phase.to }];
  const attempt = attempts.find((each) => each.row.attempt === phase.attempt);
  const own = (attempt?.parts ?? []).filter((each) => each.to > phase.from && each.from < phase.to);
  const found = [];
  let at = phase.from;
  const rest = nameWork(subtask);
  for (const [number, part] of own.entries()) {
    const from = Math.max(part.from, at);
    if (from > at) found.push({ ...nameGap(subtask, own[number - 1], part, rest), from: at, to: from });
    const to = Math.min(part.to, phase.to);
    if (to > from) found.push({ kind: part.kind, name: part.name, from, to });
    at = Math.max(at, to);
  }
  if (at < phase.to) {
    // A call is in the log when it has ended: what an attempt does now is a call, as far as one can know.
    const isCalling = subtask.kind === "ask" && !(attempt?.isOver ?? true);
    found.push({ ...(isCalling ? { kind: "call", name: attempt.row.model_id ?? subtask.lane } : rest), from: at, to: phase.to });
  }
  return found;
}

function nameGap(subtask, before, after, rest) {
  return before?.kind === "failed" && after.kind !== "tool" ? { kind: "backoff", name: null } : rest;
}

function nameWork({ kind, lane, key }) {
  if (kind === "flow") return { kind: "plan", name: null };
  if (kind === "check") return { kind: "check", name: lane };
  if (kind === "call") return { kind: "tool", name: key.split("/").at(-1) };
  return { kind: "agent", name: null };
}

const nameWait = ({ lane, key }, kind) => ({ queue: lane, child: key }[kind] ?? null);

/** The steps of a branch stand together, in the order in which they were made. */
function orderByBranch(subtasks) {
  const sorted = subtasks.toSorted((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));
  const first = new Map();
  const place = sorted.map((each, number) => {
    const parts = each.key.split("/");
    return parts.map((_, depth) => {
      const path = parts.slice(0, depth + 1).join("/");
      if (depth === parts.length - 1) return number;
      if (!first.has(path)) first.set(path, number);
      return first.get(path);
    });
  });
  const compare = (a, b) => {
    for (let depth = 0; depth < Math.max(a.length, b.length); depth++) {
      const difference = (a[depth] ?? -1) - (b[depth] ?? -1);
      if (difference) return difference;
    }
    return 0;
  };
  const order = sorted.map((_, number) => number).sort((a, b) => compare(place[a], place[b]));
  return order.map((number) => sorted[number]);
}

/** Add the costs of ended attempts; null if there is none, or one is unknown. */
export function addCosts(attempts) {
  const ended = attempts.filter((each) => each.ended_at);
  if (!ended.length || ended.some((each) => each.cost_usd === null || each.cost_usd === undefined)) return null;
  return ended.reduce((sum, each) => sum + Number(each.cost_usd), 0);
}

const toNumber = (value) => (value === null || value === undefined ? null : Number(value));

function groupBy(rows, name) {
  const found = new Map();
  for (const each of rows) {
    if (!found.has(each[name])) found.set(each[name], []);
    found.get(each[name]).push(each);
  }
  return found;
}
