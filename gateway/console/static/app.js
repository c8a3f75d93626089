// The console's entry point. The address determines which task is shown: #/tasks/ID.

import { getKey, openSession, setKey } from "/console/api.js";
import { Ask } from "/console/ask.js";
import * as budgets from "/console/budgets.js";
import * as connection from "/console/connection.js";
import { byId, h, show } from "/console/dom.js";
import * as fleet from "/console/fleet.js";
import * as inbox from "/console/inbox.js";
import { Stream } from "/console/stream.js";
import { TaskView } from "/console/task.js";
import { TaskList } from "/console/tasks.js";

const list = new TaskList();
const ask = new Ask((task) => (location.hash = `#/tasks/${task.id}`));
let view = null;

function route() {
  const id = /^#\/tasks\/([0-9a-f-]{36})$/.exec(location.hash)?.[1] ?? null;
  view?.close();
  view = null;
  list.select(id);
  document.title = "COGO console";
  document.body.classList.toggle("has-task", id !== null);
  if (id) view = new TaskView(id);
  else show(byId("detail"), h("p", { class: "note empty" }, "Select a task, or submit one: its plan, text and cost appear here."));
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

/** Scroll to the selected task: on a phone it is below the list. */
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
