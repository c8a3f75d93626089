// The console's entry point: the bar, the key, and the page that the address names.

import { Ask } from "/console/ask/ask.js";
import { Inbox } from "/console/inbox/inbox.js";
import { getKey, openSession, setKey } from "/console/lib/api.js";
import * as connection from "/console/lib/connection.js";
import { byId } from "/console/lib/dom.js";
import { viewOf } from "/console/lib/hooks.js";
import { readAddress } from "/console/lib/route.js";
import { Stream } from "/console/lib/stream.js";
import { setTitle } from "/console/lib/title.js";
import * as budgets from "/console/operate/budgets.js";
import * as fleet from "/console/operate/fleet.js";
import { TaskList } from "/console/tasks/list.js";
import { Component, h, render } from "/console/vendor/preact.js";

const list = new TaskList();
const ask = new Ask((task) => (location.hash = `#/tasks/${task.id}`));
const inbox = new Inbox();
const ID = "([0-9a-f-]{36})";
/** Each page is a module with a component `Page({ params, query })`; `params` are the groups of the pattern. */
const PAGES = [
  { name: "task", tab: "tasks", label: "Task", pattern: new RegExp(`^/tasks/${ID}$`), load: async () => ({ Page: viewOf(await openTask()) }) },
  { name: "inbox", tab: "inbox", label: "Inbox", pattern: /^\/inbox$/, load: async () => ({ Page: viewOf((root) => inbox.open(root)) }) },
  { name: "columns", tab: "columns", label: "Columns", pattern: /^\/columns$/, load: () => import("/console/columns/page.js") },
  { name: "columns", tab: "columns", label: "Column", pattern: new RegExp(`^/columns/${ID}$`), load: () => import("/console/columns/page.js") },
];
const HOME = { name: "tasks", tab: "tasks", label: "Task", pattern: /^/, load: async () => ({ Page: Empty }) };
const loaded = new Map();
let shown = null;

async function openTask() {
  const { TaskView } = await import("/console/task/task.js");
  return (root, id) => new TaskView(id, root);
}

function Empty() {
  return h("p", { class: "note empty" }, "Select a task, or submit one: its plan, text and cost appear here.");
}

/** Shows an error of a page in its place; the bar and the other pages still work. */
class Guard extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ error });
  }

  render({ children }, { error }) {
    if (!error) return children;
    return h("p", { class: "problem", role: "alert" }, `This page failed: ${error.message}. `, h("a", { href: location.href, onClick: () => location.reload() }, "Load it again"));
  }
}

async function route() {
  const { path, query } = readAddress();
  const found = PAGES.find(({ pattern }) => pattern.test(path)) ?? HOME;
  const params = found.pattern.exec(path).slice(1);
  list.select(found.name === "task" ? params[0] : null);
  const isNew = shown?.path !== path;
  shown = { path };
  if (isNew) setTitle("COGO console");
  document.body.dataset.page = found.name;
  byId("detail").setAttribute("aria-label", found.label);
  for (const each of document.querySelectorAll("nav a")) {
    if (each.dataset.tab === found.tab) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  try {
    if (!loaded.has(found)) loaded.set(found, await found.load());
  } catch (error) {
    if (shown.path !== path) return;
    render(h("p", { class: "problem", role: "alert" }, `This page cannot be loaded: ${error.message}`), byId("detail"));
    return;
  }
  if (shown.path !== path) return; // another address was opened meanwhile
  const { Page } = loaded.get(found);
  render(h(Guard, { key: path }, h(Page, { params, query })), byId("detail"));
  if (isNew) reveal();
}

function watch() {
  new Stream("/events", {
    onEvent: (name, data) => list.update(data.tasks, name === "tasks"),
    onOpen: connection.showOpen,
    onLost: connection.showLost,
    onRefused: (error) => connection.showRefused(error.message),
  });
  fleet.watch(() => ask.offerModels());
  budgets.watch();
  inbox.watch();
  ask.watchTools();
}

function askForKey(error = null) {
  const dialog = byId("key-dialog");
  // Keep the first reason: later requests fail only because the key is missing.
  if (error && !dialog.open) byId("key-why").textContent = getKey() || error.code === "token_spent" ? error.message : "";
  byId("key-button").hidden = false;
  if (!dialog.open) dialog.showModal();
}

byId("key-dialog").addEventListener("close", () => {
  const { returnValue } = byId("key-dialog");
  const typed = byId("key").value.trim();
  byId("key").value = "";
  if (returnValue === "use" && typed) setKey(typed);
  else if (returnValue === "forget") setKey(null);
  else return;
  location.reload(); // with the new key
});
byId("key-button").addEventListener("click", () => askForKey());
document.addEventListener("cogo:key", (event) => askForKey(event.detail));
window.addEventListener("hashchange", route);

/** Scroll to what was selected: on a phone it is below the list. */
function reveal() {
  const detail = byId("detail");
  const { top } = detail.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) detail.scrollIntoView();
  detail.focus({ preventScroll: true });
}

async function start() {
  try {
    await openSession();
  } catch (error) {
    askForKey(error);
  }
  byId("key-button").hidden = getKey() === null;
  route();
  watch();
}

start();
