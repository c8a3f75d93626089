// What an action of an operator has changed, in lines. Pure.

import { clip } from "/console/lib/json_view.js";

const write = (value) => (value === null || value === undefined ? "none" : clip(typeof value === "string" ? value : JSON.stringify(value), 200));

/** Return a line for each field: what it was and is. */
export function describeChange({ before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  if (!before) return ["new", ...names.filter((name) => after[name] !== null).map((name) => `${clip(name, 60)}: ${write(after[name])}`)];
  if (!after) return ["removed", ...names.filter((name) => before[name] !== null).map((name) => `${clip(name, 60)} was ${write(before[name])}`)];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return changed.length ? changed.map((name) => `${clip(name, 60)}: ${write(before[name])} → ${write(after[name])}`) : ["unchanged"];
}
