// JSON as a tree, and long text. Both show a part at first, and more when they are asked to: values
// come from models and tools, and may be huge, deep or hostile.

import { h, useMemo, useState } from "/console/vendor/preact.js";

const ENTRIES = 100;
const OPEN_LEVELS = 3;
const OPEN_ENTRIES = 20; // a larger one is closed at first
const STRING = 500;
const TEXT = 4_000;
const MORE = 50_000;

/** The tree of a value. Levels are drawn when they are opened. */
export function Json({ value }) {
  const isSmall = typeof value === "object" && value !== null && Object.keys(value).length > 0 && Object.keys(value).length <= OPEN_ENTRIES;
  return h("div", { class: "json" }, isSmall ? h(Entries, { value, level: 0 }) : h(Node, { name: null, value, level: 0 }));
}

/** A text of which only the beginning is shown at first. */
export function LongText({ text, first = TEXT }) {
  const [shown, more] = useBeginning(text, first);
  return h("div", {}, h("pre", { class: "text", tabindex: 0 }, shown), more);
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

function Node({ name, value, level }) {
  const isBranch = typeof value === "object" && value !== null;
  const label = name === null ? null : h("span", { class: "name" }, `${clip(name, STRING)}: `);
  const isList = Array.isArray(value);
  const size = isBranch ? (isList ? value : Object.keys(value)).length : 0;
  if (size) return h(Branch, { label, value, level, size });
  return h("div", {}, label, isBranch ? (isList ? "[]" : "{}") : h(Leaf, { value }));
}

function Branch({ label, value, level, size }) {
  const [isOpen] = useState(level < OPEN_LEVELS && size <= OPEN_ENTRIES);
  const [isDrawn, setDrawn] = useState(isOpen);
  const isList = Array.isArray(value);
  const note = `${size} ${isList ? "item" : "field"}${size === 1 ? "" : "s"}`;
  return h(
    "details",
    { open: isOpen, onToggle: () => setDrawn(true) },
    h("summary", {}, label, h("span", { class: "note" }, isList ? `[${note}]` : `{${note}}`)),
    h("div", { class: "inner" }, isDrawn && h(Entries, { value, level })),
  );
}

function Entries({ value, level }) {
  const [most, setMost] = useState(ENTRIES);
  const names = Object.keys(value);
  return [
    names.slice(0, most).map((name) => h(Node, { key: name, name, value: value[name], level: level + 1 })),
    names.length > most && h(More, { label: `Show more (${(names.length - most).toLocaleString("en")})`, onClick: () => setMost(most + ENTRIES) }),
  ];
}

function Leaf({ value }) {
  const kind = value === null ? "null" : typeof value;
  const [shown, more] = useBeginning(String(value), STRING);
  return h("span", {}, h("span", { class: kind }, shown), more);
}

/** Return the beginning of a text, and a button for more of it, or null. */
function useBeginning(text, first) {
  const [most, setMost] = useState(first);
  const shown = useMemo(() => showControls(text.slice(0, most)), [text, most]);
  const left = text.length - most;
  return [shown, left > 0 ? h(More, { label: `Show more (${left.toLocaleString("en")} characters)`, onClick: () => setMost(most + MORE) }) : null];
}

const More = ({ label, onClick }) => h("button", { type: "button", class: "quiet more", onClick }, label);
