// The rows of the waterfall, which fold: steps, their attempts, and calls to models and tools. Pure.

import { WAITS } from "/console/task/timeline.js";

/**
 * Return the rows that are to be seen. `steps` come from `readSteps`; `open` has the ids of rows that are
 * unfolded; `children` has the steps of child tasks by the id of the task.
 */
export function listRows(steps, open, children = new Map(), level = 1, prefix = "") {
  const rows = [];
  for (const step of steps) {
    const inner = listInner(step, children.get(step.subtask.child_task_id), level, prefix);
    const row = buildStepRow(step, level, prefix, inner.length > 0 || Boolean(step.subtask.child_task_id), open);
    rows.push(row);
    if (row.isOpen) rows.push(...(step.subtask.child_task_id ? listChild(step, open, children, level, prefix) : unfold(inner, open)));
  }
  return rows;
}

function listChild(step, open, children, level, prefix) {
  const found = children.get(step.subtask.child_task_id);
  return found ? listRows(found, open, children, level + 1, `${prefix}${step.subtask.id}/`) : [];
}

function unfold(rows, open) {
  return rows.flatMap((row) => {
    const isOpen = row.inner.length > 0 && open.has(row.id);
    return [{ ...row, hasInner: row.inner.length > 0, isOpen }, ...(isOpen ? unfold(row.inner, open) : [])];
  });
}

function buildStepRow(step, level, prefix, hasInner, open) {
  const { subtask, segments, cost, isOver } = step;
  const path = subtask.key.split("/");
  const id = prefix + subtask.id;
  return {
    id, level, kind: "step", step, hasInner, isOpen: hasInner && open.has(id), key: subtask.key, taskId: subtask.task_id, name: path.at(-1),
    branch: path.slice(0, -1).join("/"), who: nameWho(step), status: nameState(subtask),
    bars: segments.filter((each) => each.kind !== "steps").map(toBar), cost, ...addTimes(segments), isOver,
    tries: subtask.kind === "flow" ? 1 : step.attempts.length,
  };
}

/** The state of a step; what a fork took over from its original was not done again. */
export function nameState({ status, not_needed: isNotNeeded, metadata }) {
  if (isNotNeeded) return "not needed";
  return metadata?.reused ? "reused" : status;
}

function nameWho({ subtask, attempts }) {
  if (subtask.kind === "flow") return "workflow";
  if (subtask.kind === "ask") return attempts.at(-1)?.row.model_id ?? subtask.lane;
  return subtask.kind === "check" ? subtask.lane : { task: "child task", approve: "question", call: "tool" }[subtask.kind] ?? subtask.kind;
}

/** Attempts if there are several, else the calls of the only one. A workflow's attempts say nothing. */
function listInner({ subtask, attempts }, child, level, prefix) {
  if (child || subtask.child_task_id || subtask.kind === "flow") return [];
  if (attempts.length === 1) return listParts(subtask, attempts[0], level + 1, prefix);
  return attempts.map((each) => {
    const { attempt, outcome, model_id: model, lane, error } = each.row;
    const kind = outcome === "reaped" ? "lost" : outcome === "failed" ? "failed" : "agent";
    return {
      id: `${prefix}${subtask.id}#${attempt}`, level: level + 1, kind: "attempt", key: null, name: `attempt ${attempt}`, branch: "", who: model ?? lane,
      status: outcome ?? "running", bars: [{ kind, from: each.from, to: each.to }], worked: each.to - each.from, waited: 0,
      cost: each.row.cost_usd === null || each.row.cost_usd === undefined ? null : Number(each.row.cost_usd), tries: 1, isOver: each.isOver,
      row: each.row, error, inner: listParts(subtask, each, level + 2, prefix),
    };
  });
}

function listParts(subtask, { row, parts }, level, prefix) {
  return parts.map((part, number) => ({
    id: `${prefix}${subtask.id}#${row.attempt}.${number}`, level, kind: part.kind === "tool" ? "tool" : "call", key: null, name: part.kind === "tool" ? part.name : "model call",
    branch: "", who: part.kind === "tool" ? "tool" : part.name, status: part.outcome, bars: [toBar(part)], worked: part.to - part.from, waited: 0, cost: part.cost, tries: 1,
    isOver: part.outcome !== "running", part, inner: [],
  }));
}

const toBar = ({ kind, from, to }) => ({ kind, from, to });

/** Return how long there was work and how long there was none; of a workflow what it did itself. */
function addTimes(segments) {
  let [worked, waited] = [0, 0];
  for (const { kind, from, to } of segments) {
    if (kind === "steps") continue;
    if (WAITS.has(kind)) waited += to - from;
    else worked += to - from;
  }
  return { worked, waited };
}

/** Return at most `most` times for the axis of `ms` milliseconds, in steps that people count in. */
export function listTicks(ms, most = 6) {
  const sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5];
  let size = sizes.find((each) => ms / each <= most);
  if (!size) size = 864e5 * Math.ceil(ms / 864e5 / most);
  return Array.from({ length: Math.floor(ms / size) + 1 }, (_, number) => number * size);
}

/**
 * Return which of `count` rows have to be drawn, and the height of what is not: rows are `height` high, but for
 * the one at `open`, which is `extra` higher.
 */
export function findWindow({ count, height, open, extra, top, seen, more = 8 }) {
  const place = (number) => number * height + (open !== null && number > open ? extra : 0);
  const whole = place(count);
  const find = (y) => {
    if (open === null || y < (open + 1) * height) return Math.floor(y / height);
    return y < (open + 1) * height + extra ? open : Math.floor((y - extra) / height);
  };
  const begin = Math.max(0, Math.min(count, find(Math.max(0, top)) - more));
  const end = Math.min(count, find(top + seen) + 1 + more);
  return { begin, end, above: place(begin), below: Math.max(0, whole - place(Math.max(begin, end))) };
}
