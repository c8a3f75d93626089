// The console's entry point. The address determines what is shown: #/tasks/ID, #/inbox, #/columns.

import { getKey, openSession, setKey } from "/console/api.js";
import { Ask } from "/console/ask.js";
import * as budgets from "/console/budgets.js";
import { ColumnView } from "/console/column.js";
import { ColumnList } from "/console/columns.js";
import * as connection from "/console/connection.js";
import { byId, h, show } from "/console/dom.js";
import * as fleet from "/console/fleet.js";
import { Inbox } from "/console/inbox.js";
import { Stream } from "/console/stream.js";
import { TaskView } from "/console/task.js";
import { TaskList } from "/console/tasks.js";
import { setTitle } from "/console/title.js";

const list = new TaskList();
const ask = new Ask((task) => (location.hash = `#/tasks/${task.id}`));
const inbox = new Inbox();
const PAGES = [
  { page: "task", tab: "tasks", label: "Task", pattern: /^#\/tasks\/([0-9a-f-]{36})$/, open: (id) => new TaskView(id) },
  { page: "inbox", tab: "inbox", label: "Inbox", pattern: /^#\/inbox$/, open: () => inbox.open() },
  { page: "columns", tab: "columns", label: "Columns", pattern: /^#\/columns$/, open: () => new ColumnList() },
  { page: "columns", tab: "columns", label: "Column", pattern: /^#\/columns\/([0-9a-f-]{36})$/, open: (id) => new ColumnView(id) },
];
const HOME = { page: "tasks", tab: "tasks", label: "Task", open: () => null };
let view = null;

function route() {
  const found = PAGES.find(({ pattern }) => pattern.test(location.hash)) ?? HOME;
  const id = found.pattern?.exec(location.hash)[1] ?? null;
  view?.close();
  list.select(found.page === "task" ? id : null);
  setTitle("COGO console");
  document.body.dataset.page = found.page;
  byId("detail").setAttribute("aria-label", found.label);
  for (const each of document.querySelectorAll("nav a")) {
    if (each.dataset.tab === found.tab) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  if (found === HOME) show(byId("detail"), h("p", { class: "note empty" }, "Select a task, or submit one: its plan, text and cost appear here."));
  view = found.open(id);
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
window.addEventListener("hashchange", () => (route(), reveal()));

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
