// JSON as a tree, and long text. Both show a part at first, and more when they are asked to: values
// come from models and tools, and may be huge, deep or hostile.

import { h } from "/console/lib/dom.js";

const ENTRIES = 100;
const OPEN_LEVELS = 3;
const OPEN_ENTRIES = 20; // a larger one is closed at first
const STRING = 500;
const TEXT = 4_000;
const MORE = 50_000;

/** Build the tree of a value. Levels are drawn when they are opened. */
export function buildJson(value) {
  const isSmall = typeof value === "object" && value !== null && Object.keys(value).length > 0 && Object.keys(value).length <= OPEN_ENTRIES;
  if (!isSmall) return h("div", { class: "json" }, buildNode(null, value, 0));
  const root = h("div", { class: "json" });
  drawEntries(root, Array.isArray(value) ? value : Object.entries(value), 0, Array.isArray(value), 0);
  return root;
}

/** Build a text of which only the beginning is shown at first. */
export function buildText(text, first = TEXT) {
  const block = h("pre", { class: "text", tabindex: 0 });
  return h("div", {}, block, fillText(block, text, first));
}

/** Return text in which control characters can be seen, and turn nothing round. */
export function showControls(text) {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (each) => String.fromCodePoint(0x2400 + each.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (each) => `<U+${each.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}>`);
}

/** Return the beginning of a text, on one line. */
export function clip(text, most) {
  const line = showControls(String(text).slice(0, most).replace(/\s+/g, " "));
  return text.length > most ? `${line}…` : line;
}

/** Return a value in a few words. */
export function describeValue(value) {
  if (Array.isArray(value)) return `[${value.length}]`;
  if (typeof value === "object" && value !== null) return `{${Object.keys(value).length}}`;
  return typeof value === "string" ? clip(value, STRING) : String(value);
}

/** Return a value as text; a sentence in its place if it is too deep. */
export function writeJson(value) {
  try {
    return JSON.stringify(value, null, 2);
  } catch {
    return "It is nested too deeply to be written as text.";
  }
}

function buildNode(name, value, level) {
  const label = name === null ? null : h("span", { class: "name" }, `${clip(name, STRING)}: `);
  if (typeof value !== "object" || value === null) return h("div", {}, label, buildLeaf(value));
  const isList = Array.isArray(value);
  const entries = isList ? value : Object.entries(value);
  if (!entries.length) return h("div", {}, label, isList ? "[]" : "{}");
  const size = `${entries.length} ${isList ? "item" : "field"}${entries.length === 1 ? "" : "s"}`;
  const body = h("div", { class: "inner" });
  let drawn = 0;
  const draw = () => {
    if (drawn > 0) return;
    drawn = drawEntries(body, entries, 0, isList, level);
  };
  const isOpen = level < OPEN_LEVELS && entries.length <= OPEN_ENTRIES;
  if (isOpen) draw();
  return h("details", { open: isOpen, ontoggle: draw }, h("summary", {}, label, h("span", { class: "note" }, isList ? `[${size}]` : `{${size}}`)), body);
}

function drawEntries(body, entries, from, isList, level) {
  const end = Math.min(entries.length, from + ENTRIES);
  for (let number = from; number < end; number++) {
    const [name, value] = isList ? [String(number), entries[number]] : entries[number];
    body.append(buildNode(name, value, level + 1));
  }
  if (end < entries.length) {
    body.append(buildMore(`Show more (${(entries.length - end).toLocaleString("en")})`, () => drawEntries(body, entries, end, isList, level)));
  }
  return end;
}

function buildLeaf(value) {
  const kind = value === null ? "null" : typeof value;
  if (kind !== "string") return h("span", { class: kind }, String(value));
  const leaf = h("span", { class: kind });
  return h("span", {}, leaf, fillText(leaf, value, STRING));
}

/** Append the beginning of a text to an element; return a button for more of it, or null. */
function fillText(element, text, first) {
  element.append(showControls(text.slice(0, first)));
  let shown = first;
  if (text.length <= shown) return null;
  const describe = () => `Show more (${(text.length - shown).toLocaleString("en")} characters)`;
  const button = buildMore(describe(), () => {
    element.append(showControls(text.slice(shown, shown + MORE)));
    shown += MORE;
    if (shown >= text.length) return;
    button.textContent = describe();
    return true;
  });
  return button;
}

/** Build a button that goes when it was pressed, unless `act` returns true. */
function buildMore(label, act) {
  const button = h("button", { type: "button", class: "quiet more", onclick: () => act() === true || button.remove() }, label);
  return button;
}
