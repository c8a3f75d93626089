// The keys of the table: / to search, j and k to walk, Enter to open, x to select, Escape to select none, n for a new task.

import { go } from "/console/lib/route.js";
import { useEffect, useRef } from "/console/vendor/preact.js";

export function useKeys(root, tasks, selection) {
  const latest = useRef(null);
  latest.current = { tasks, selection };
  useEffect(() => {
    const listen = (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]")) return;
      const act = KEYS[event.key];
      if (act && act(root.current, latest.current, event) !== false) event.preventDefault();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}

const KEYS = {
  "/": (root) => {
    const field = root.querySelector("#search");
    field.focus();
    field.select();
  },
  n: () => go("#/ask"),
  j: (root) => walk(root, 1),
  k: (root) => walk(root, -1),
  x: (root, state, event) => pick(root, state, event),
  X: (root, state, event) => pick(root, state, event),
  Escape: (root, { selection }) => (selection.size > 0 ? selection.clear() : false),
};

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
