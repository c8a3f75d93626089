// The keys of the table.

import { registerKeys } from "/console/lib/keys.js";
import { useEffect, useRef } from "/console/vendor/preact.js";

export function useKeys(root, tasks, selection) {
  const latest = useRef(null);
  latest.current = { tasks, selection };
  useEffect(() => {
    const keys = KEYS.map(([key, label, act]) => [key, label, (event) => act(root.current, latest.current, event)]);
    return registerKeys("The table of tasks", keys);
  }, []);
}

const KEYS = [
  ["/", "Search", (root) => {
    const field = root.querySelector("#search");
    field.focus();
    field.select();
  }],
  ["j", "The next task; Enter opens it", (root) => walk(root, 1)],
  ["k", "The task before", (root) => walk(root, -1)],
  ["x", "Select a task, or take it out of the selection", (root, state, event) => pick(root, state, event)],
  ["X", "Select all tasks up to this one", (root, state, event) => pick(root, state, event)],
  ["Escape", "Select none", (_, { selection }) => (selection.size > 0 ? selection.clear() : false)],
];

function walk(root, step) {
  const links = [...root.querySelectorAll("tbody a.title")];
  const here = links.indexOf(findRow(root)?.querySelector("a.title"));
  const next = links[here < 0 ? 0 : Math.min(links.length - 1, Math.max(0, here + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function pick(root, { tasks, selection }, event) {
  const task = tasks.find((each) => each.id === findRow(root)?.dataset.id);
  if (!task) return false;
  selection.of(tasks).toggle(task, event.shiftKey);
  return true;
}

const findRow = (root) => (root.contains(document.activeElement) ? document.activeElement.closest("tbody tr") : null);
