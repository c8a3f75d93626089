// What an action of an operator has changed, in lines. Pure.

import { clip } from "/console/lib/json_view.js";

const write = (value) => (value === null || value === undefined ? "none" : clip(typeof value === "string" ? value : JSON.stringify(value), 200));

/** What it is called that something begins and ends to exist. */
const VERBS = { spending: ["stopped spending", "resumed spending"] };

/** Return a line for each field: what it was and is. */
export function describeChange({ kind, before, after }) {
  const [made, removed] = VERBS[kind] ?? ["new", "removed"];
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  if (!before) return [made, ...names.filter((name) => after[name] !== null).map((name) => `${clip(name, 60)}: ${write(after[name])}`)];
  if (!after) return [removed, ...names.filter((name) => before[name] !== null).map((name) => `${clip(name, 60)} was ${write(before[name])}`)];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return changed.length ? changed.map((name) => `${clip(name, 60)}: ${write(before[name])} → ${write(after[name])}`) : ["unchanged"];
}
