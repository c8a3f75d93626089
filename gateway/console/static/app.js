// The console's entry point: the bar, the key, and the page that the address names.

import * as questions from "/console/inbox/questions.js";
import { hasToken, openSession } from "/console/lib/api.js";
import * as connection from "/console/lib/connection.js";
import { byId } from "/console/lib/dom.js";
import { listenToKeys, showHelp } from "/console/lib/keys.js";
import * as keyDialog from "/console/lib/key_dialog.js";
import { getReader, loadReader, sees } from "/console/lib/reader.js";
import { readAddress } from "/console/lib/route.js";
import { Stream } from "/console/lib/stream.js";
import { setTitle } from "/console/lib/title.js";
import * as toast from "/console/lib/toast.js";
import * as figures from "/console/operate/figures.js";
import { SpendingBar } from "/console/operate/stopped.js";
import { listenToPalette } from "/console/palette/palette.js";
import { Page as Tasks } from "/console/tasks/page.js";
import { publishLines } from "/console/tasks/reader.js";
import { Component, h, render } from "/console/vendor/preact.js";

const ID = "([0-9a-f-]{36})";
/** Each page is a module with a component `Page({ params, query })`; `params` are the groups of the pattern. */
const PAGES = [
  { name: "task", tab: "tasks", part: "tasks", label: "Task", pattern: new RegExp(`^/tasks/${ID}$`), load: () => import("/console/task/page.js") },
  { name: "inbox", tab: "inbox", part: "inbox", label: "Inbox", pattern: /^\/inbox$/, load: () => import("/console/inbox/page.js") },
  { name: "compare", tab: "tasks", part: "tasks", label: "Compare", pattern: /^\/compare$/, load: () => import("/console/compare/page.js") },
  { name: "ask", tab: "ask", part: "tasks", label: "Ask", pattern: /^\/ask$/, load: () => import("/console/ask/page.js") },
  { name: "columns", tab: "columns", part: "columns", label: "Columns", pattern: /^\/columns$/, load: () => import("/console/columns/page.js") },
  { name: "columns", tab: "columns", part: "columns", label: "Column", pattern: new RegExp(`^/columns/${ID}$`), load: () => import("/console/columns/page.js") },
  { name: "models", tab: "models", part: "models", label: "Models", pattern: /^\/models$/, load: () => import("/console/models/page.js") },
  { name: "charts", tab: "charts", part: "charts", label: "Charts", pattern: /^\/charts$/, load: () => import("/console/charts/page.js") },
  { name: "agents", tab: "operate", part: "operate", label: "Agents", pattern: /^\/agents$/, load: () => import("/console/operate/agents.js") },
  { name: "dead", tab: "operate", part: "operate", label: "Dead letters", pattern: /^\/dead$/, load: () => import("/console/operate/dead.js") },
  { name: "keys", tab: "operate", part: "operate", label: "Keys and grants", pattern: /^\/keys$/, load: () => import("/console/operate/keys.js") },
  { name: "actions", tab: "operate", part: "operate", label: "Actions", pattern: /^\/actions$/, load: () => import("/console/operate/actions.js") },
  { name: "sessions", tab: "memory", part: "sessions", label: "Sessions", pattern: /^\/sessions$/, load: () => import("/console/sessions/list.js") },
  { name: "sessions", tab: "memory", part: "sessions", label: "Session", pattern: new RegExp(`^/sessions/${ID}$`), load: () => import("/console/sessions/session.js") },
  { name: "memory", tab: "memory", part: "memory", label: "Memory", pattern: /^\/memory$/, load: () => import("/console/memory/page.js") },
  { name: "memory", tab: "memory", part: "memory", label: "Document", pattern: new RegExp(`^/memory/documents/${ID}$`), load: () => import("/console/memory/document.js") },
  { name: "projects", tab: "operate", part: "tasks", label: "Projects", pattern: /^\/projects$/, load: () => import("/console/operate/projects.js") },
  { name: "limits", tab: "operate", part: "tasks", label: "Limits", pattern: /^\/limits$/, load: () => import("/console/operate/limits.js") },
  { name: "queue", tab: "operate", part: "operate", label: "Queue", pattern: /^\/queue$/, load: () => import("/console/operate/queue.js") },
];
const HOME = { name: "tasks", tab: "tasks", part: "tasks", label: "Tasks", pattern: /^/, load: async () => ({ Page: Tasks }) };
const loaded = new Map();
/** Pages whose modules could not be read without the gateway: the browser remembers that until this page is loaded anew. */
const missed = new Set();
let opened = null;
let isLive = false;
let shown = null;

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

/** On a phone the bar shows the first pages, and the others when it is opened. */
function openMenu(isOpen) {
  document.querySelector(".top nav").classList.toggle("open", isOpen);
  byId("menu-button").setAttribute("aria-expanded", String(isOpen));
}

async function isReachable() {
  try {
    await fetch("/console/app.js", { cache: "no-store", signal: AbortSignal.timeout(5_000) });
    return true;
  } catch {
    return false;
  }
}

async function route() {
  if (hasToken()) {
    location.reload();
    return;
  }
  const { path, query } = readAddress();
  const found = PAGES.find(({ pattern }) => pattern.test(path)) ?? HOME;
  opened = found;
  if (isLive && missed.has(found)) {
    location.reload();
    return;
  }
  const params = found.pattern.exec(path).slice(1);
  openMenu(false);
  const key = [found.name, ...params].join("/");
  const isNew = shown !== key;
  shown = key;
  if (isNew) setTitle("COGO console");
  document.body.dataset.page = found.name;
  byId("detail").setAttribute("aria-label", found.label);
  for (const each of document.querySelectorAll("header a[data-tab]")) {
    if (each.dataset.tab === found.tab) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  if (!sees(found.part)) {
    render(h("p", { class: "note empty" }, "This part of the console is not shown to you. An operator sets COGO_CONSOLE_PARTS."), byId("detail"));
    return;
  }
  try {
    if (!loaded.has(found)) loaded.set(found, await found.load());
  } catch (error) {
    const isBroken = await isReachable();
    if (!isBroken) missed.add(found);
    if (shown !== key) return;
    const said = isBroken ? [`This page cannot be loaded: ${error.message}. `, h("a", { href: location.href, onClick: () => location.reload() }, "Load it again")] : "The gateway cannot be reached; this page loads when it is back.";
    render(h("p", { class: "problem", role: "alert" }, said), byId("detail"));
    return;
  }
  if (shown !== key) return; // another address was opened meanwhile
  const { Page } = loaded.get(found);
  render(h(Guard, { key }, h(Page, { params, query })), byId("detail"));
  if (isNew) reveal();
}

function watch() {
  new Stream("/events", {
    onEvent: (name, data) => publishLines(data.tasks, name === "tasks"),
    onOpen: () => {
      isLive = true;
      connection.showOpen();
      if (missed.has(opened)) location.reload();
    },
    onLost: (retryAt) => {
      isLive = false;
      connection.showLost(retryAt);
    },
    onRefused: (error) => connection.showRefused(error.problem?.detail ?? error.message),
  });
  if (getReader()?.is_operator ?? true) figures.watch();
  render(h(SpendingBar), byId("stopped"));
  questions.watch();
}

byId("keys-button").addEventListener("click", showHelp);
byId("menu-button").addEventListener("click", () => openMenu(!document.querySelector(".top nav").classList.contains("open")));
/** An effect that changes the address may run in the middle of a drawing, which must end before the next one begins. */
window.addEventListener("hashchange", () => queueMicrotask(route));
/** The browser would leave the page, and show what is dropped on it. */
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
}

/** Begin at the top of a new page, unless the page has put the focus somewhere. */
function reveal() {
  const detail = byId("detail");
  scrollTo(0, 0);
  if (!detail.contains(document.activeElement)) detail.focus({ preventScroll: true });
}

async function start() {
  keyDialog.listen();
  listenToKeys();
  listenToPalette(byId("palette-button"), byId("palette"));
  toast.listen();
  try {
    await openSession();
  } catch (error) {
    keyDialog.ask(error);
  }
  keyDialog.showReader();
  try {
    await loadReader();
    document.body.classList.toggle("operator", getReader().is_operator);
    for (const each of document.querySelectorAll("[data-part]")) each.hidden = !sees(each.dataset.part);
  } catch (error) {
    console.warn(error); // unreachable or refused: the page says so, and shows all parts
  }
  route();
  watch();
}

start();
