// The console: the parts, put together. The address says which task is shown: #/tasks/ID.

import { keyOf, openSession, useKey } from "/console/api.js";
import { Ask } from "/console/ask.js";
import * as caps from "/console/caps.js";
import { byId, h, show } from "/console/dom.js";
import { follow } from "/console/fleet.js";
import * as link from "/console/link.js";
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
  if (id) view = new TaskView(id, { open: () => {}, lost: () => {} });
  else show(byId("detail"), h("p", { class: "note empty" }, "Choose a task, or ask for something: its plan, its text and its cost appear here."));
}

function watch() {
  new Stream("/events", {
    frame: (name, data) => list.take(data.tasks, name === "tasks"),
    open: link.open,
    lost: link.lost,
    refused: (error) => link.refused(error.message),
  });
  follow(() => ask.offerModels());
  caps.follow();
}

function askForKey(refused = null) {
  const dialog = byId("key-dialog");
  // The first reason stays: whatever is asked after it fails for want of a key.
  if (refused && !dialog.open) byId("key-why").textContent = keyOf() || refused.code === "token_spent" ? refused.message : "";
  byId("key-button").hidden = false;
  if (!dialog.open) dialog.showModal();
}

byId("key-dialog").addEventListener("close", () => {
  const { returnValue } = byId("key-dialog");
  const typed = byId("key").value.trim();
  byId("key").value = "";
  if (returnValue === "use" && typed) useKey(typed);
  else if (returnValue === "forget") useKey(null);
  else return;
  location.reload(); // everything is asked again, as whoever holds the key
});
byId("key-button").addEventListener("click", () => askForKey());
document.addEventListener("cogo:key", (event) => askForKey(event.detail));
window.addEventListener("hashchange", () => (route(), reveal()));

/** Bring what was chosen into view: on a phone it takes the place of the list. */
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
  byId("key-button").hidden = keyOf() === null;
  route();
  watch();
}

start();
