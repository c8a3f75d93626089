// What an action of an operator has changed, in lines. Pure.

import { moment } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { nameField } from "/console/operate/field_words.js";

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/;

function write(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return clip(value.join(", ") || "none", 200);
  if (typeof value !== "string") return clip(JSON.stringify(value), 200);
  return TIME.test(value) ? moment(value) : clip(value, 200);
}

/** What operators do to tasks: the log has the action after it, and the task before it. */
const TASK_ACTIONS = { cancel: "cancelled", pause: "held", resume: "resumed", redrive: "retried", redrive_subtask: "retried a step", fork: "forked", feedback: "rated", send_event: "sent an event" };

function describeTask(before, { action, ...more }) {
  const name = action === "answer_approval" ? (more.approved ? "approved" : "refused") : (TASK_ACTIONS[action] ?? clip(String(action), 60));
  const lines = Object.entries({ ...more, owner: before?.owner ?? null }).filter(([key, value]) => key !== "approved" && value !== null);
  return [before?.status ? `${name}; it was ${clip(before.status, 60)}` : name, ...lines.map(([key, value]) => `${nameShort("task", key)}: ${write(value)}`)];
}

const nameShort = (kind, field) => clip(nameField(kind, field), 60);

/** What it is called that something begins and ends to exist. */
const VERBS = { spending: ["stopped spending", "resumed spending"] };

/** Return a line for each field: what it was and is. */
export function describeChange({ kind, before, after }) {
  if (kind === "task" && after?.action) return describeTask(before, after);
  const [made, removed] = VERBS[kind] ?? ["new", "removed"];
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  if (!before) return [made, ...names.filter((name) => after[name] !== null).map((name) => `${nameShort(kind, name)}: ${write(after[name])}`)];
  if (!after) return [removed, ...names.filter((name) => before[name] !== null).map((name) => `${nameShort(kind, name)}: ${write(before[name])}`)];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return changed.length ? changed.map((name) => `${nameShort(kind, name)}: ${write(before[name])} → ${write(after[name])}`) : ["unchanged"];
}
