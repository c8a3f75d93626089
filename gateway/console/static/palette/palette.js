// The palette: Ctrl+K finds pages, tasks and what exists, and offers actions. All of it is done by keyboard, or by a press on a row.

import { get } from "/console/lib/api.js";
import { registerKeys } from "/console/lib/keys.js";
import { getReader, sees } from "/console/lib/reader.js";
import { go } from "/console/lib/route.js";
import { listIdle, sumBy } from "/console/operate/queue_words.js";
import { findCommands, listCommands, listTasks } from "/console/palette/commands.js";
import { h, render, useEffect, useRef, useState } from "/console/vendor/preact.js";

const PAUSE_MS = 200;
const TASKS = 6;
const MOST = 12;
const OPEN = "cogo:palette";

/** Begin to listen, and draw the palette into an element whenever it is asked for. */
export function listenToPalette(button, root) {
  const open = () => document.dispatchEvent(new CustomEvent(OPEN));
  button.addEventListener("click", open);
  registerKeys("The palette", [["Ctrl K", "Find something, or do something", open]]);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) open();
  });
  render(h(Palette), root);
}

function Palette() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const open = () => setOpen(true);
    document.addEventListener(OPEN, open);
    return () => document.removeEventListener(OPEN, open);
  }, []);
  return isOpen && h(PaletteDialog, { onClose: () => setOpen(false) });
}

function PaletteDialog({ onClose }) {
  const dialog = useRef(null);
  const [text, setText] = useState("");
  const [place, setPlace] = useState(0);
  const commands = useCommands();
  const found = useTasks(text.trim());
  useEffect(() => dialog.current.showModal(), []);
  const words = text.trim();
  const matching = findCommands(commands, words);
  const entries = words ? [...matching.slice(0, MOST), ...listTasks(found, words)] : matching;
  const current = Math.min(place, entries.length - 1);
  useEffect(() => dialog.current.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [current, entries.length]);
  const choose = (entry) => {
    dialog.current.close();
    go(entry.address);
  };
  const keys = { ArrowDown: () => setPlace((current + 1) % entries.length), ArrowUp: () => setPlace((current + entries.length - 1) % entries.length), Enter: () => choose(entries[current]) };
  const onKeyDown = (event) => {
    if (event.isComposing || !keys[event.key] || !entries.length) return;
    event.preventDefault();
    keys[event.key]();
  };
  const type = ({ currentTarget }) => {
    setText(currentTarget.value);
    setPlace(0);
  };
  return h(
    "dialog",
    { ref: dialog, class: "palette", "aria-label": "Find or do something", onClose, onClick: (event) => event.target === dialog.current && dialog.current.close() },
    h(
      "div",
      { class: "palette-body" },
      h("input", { type: "text", role: "combobox", "aria-label": "Find or do something", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list", "aria-activedescendant": entries.length ? `palette-${current}` : undefined, autocomplete: "off", spellcheck: false, placeholder: "Find a page, a task, a model … or do something", value: text, onInput: type, onKeyDown }),
      h("ul", { id: "palette-list", role: "listbox", "aria-label": "What was found", onMouseDown: (event) => event.preventDefault() }, entries.map((entry, number) => h(Entry, { key: `${entry.address} ${entry.label}`, entry, number, isCurrent: number === current, onChoose: () => choose(entry) }))),
      h("p", { class: "note", role: "status" }, entries.length ? `${entries.length} found. Enter opens; what changes something asks first.` : "Nothing was found."),
    ),
  );
}

function Entry({ entry: { kind, label, says }, number, isCurrent, onChoose }) {
  return h("li", { id: `palette-${number}`, role: "option", "aria-selected": String(isCurrent), class: kind, onClick: onChoose }, h("span", { class: "label-of" }, label), h("small", {}, says), h("span", { class: "kind" }, kind));
}

/** Read what exists once; what cannot be read is not offered. */
function useCommands() {
  const isOperator = getReader()?.is_operator ?? false;
  const [known, setKnown] = useState({ isStopped: false, lanes: [], models: [], projects: [], keys: [] });
  useEffect(() => {
    const take = async (path, change) => {
      try {
        const answer = await get(path);
        setKnown((old) => ({ ...old, ...change(answer) }));
      } catch (error) {
        console.warn(error);
      }
    };
    take("/models", ({ models }) => ({ models: models.map(({ id }) => id) }));
    take("/projects", ({ projects }) => ({ projects: projects.map((each) => each.name) }));
    if (!isOperator) return;
    take("/spending", ({ stopped }) => ({ isStopped: stopped !== null }));
    take("/keys", ({ keys }) => ({ keys: keys.filter(({ usable }) => usable) }));
    take("/queue", ({ lanes }) => ({ queue: lanes }));
    take("/agents", ({ agents }) => ({ agents }));
  }, [isOperator]);
  const lanes = sumBy(known.queue ?? [], "lane");
  const idle = listIdle(known.agents ?? [], lanes).map((lane) => ({ lane, paused: false }));
  return listCommands({ ...known, isOperator, parts: getReader()?.parts ?? null, lanes: [...lanes, ...idle] });
}

/** Find tasks by words, or by the beginning of an id, while somebody types. */
function useTasks(text) {
  const [found, setFound] = useState([]);
  useEffect(() => {
    let isOver = false;
    const timer = setTimeout(async () => {
      const { tasks } = text && sees("tasks") ? await get(`/tasks?${new URLSearchParams({ q: text, limit: TASKS })}`).catch(() => ({ tasks: [] })) : { tasks: [] };
      if (!isOver) setFound(tasks);
    }, PAUSE_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [text]);
  return found;
}
