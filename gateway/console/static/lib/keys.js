// The keys of all pages, and the dialog that lists them. A page registers its keys while it is shown.
// Keys count only where nobody types, and without Ctrl, Alt and Meta, which belong to the browser.

import { byId } from "/console/lib/dom.js";
import { h, render, useEffect } from "/console/vendor/preact.js";

const BETWEEN_MS = 1_500; // the two keys of a pair
const groups = new Map();
let first = null;

/**
 * Register the keys of a page: `[keys, label, run]`, where keys are one or two, as "c" and "g t". If
 * `run(event)` returns false, the browser acts. Returns a function that takes the keys back. Those that
 * were registered last win.
 */
export function registerKeys(title, keys) {
  const group = { title, keys };
  groups.set(group, group);
  return () => groups.delete(group);
}

/** Register the keys of a component while it is shown. */
export function useKeys(title, keys, dependencies = []) {
  useEffect(() => registerKeys(title, keys), dependencies);
}

/** Begin to listen; called once. */
export function listenToKeys() {
  registerKeys("Everywhere", [
    ["?", "Show this help", showHelp],
    ["g t", "Go to the tasks", () => (location.hash = "#/")],
    ["g i", "Go to the inbox", () => (location.hash = "#/inbox")],
    ["g m", "Go to the models", () => (location.hash = "#/models")],
    ["g c", "Go to the charts", () => (location.hash = "#/charts")],
    ["g l", "Go to the columns", () => (location.hash = "#/columns")],
    ["g o", "Go to the agents and the other pages of Operate", () => (location.hash = "#/agents")],
    ["n", "Submit a new task", () => (location.hash = "#/ask")],
  ]);
  document.addEventListener("keydown", onKey);
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open]")) return;
  const pressed = first && event.timeStamp - first.at < BETWEEN_MS ? `${first.key} ${event.key}` : event.key;
  const known = [...groups.values()].reverse().flatMap((group) => group.keys);
  const found = known.find(([keys]) => keys === pressed) ?? known.find(([keys]) => keys === event.key);
  first = known.some(([keys]) => keys.startsWith(`${event.key} `)) ? { key: event.key, at: event.timeStamp } : null;
  if (!found) return;
  first = null;
  if (found[2](event) !== false) event.preventDefault();
}

/** Show the keys of the page that is shown. */
export function showHelp() {
  const dialog = byId("keys-dialog");
  const lists = [...groups.values()].reverse().map(({ title, keys }) => [h("h3", {}, title), h("dl", { class: "keys" }, keys.map(buildKey))]);
  render([h("h2", { id: "keys-title" }, "Keys"), lists, h("form", { method: "dialog", class: "actions" }, h("button", { autofocus: true }, "Close"))], dialog);
  if (!dialog.open) dialog.showModal();
}

const buildKey = ([keys, label]) => h("div", {}, h("dt", {}, keys.split(" ").map((each) => h("kbd", {}, each))), h("dd", {}, label));
