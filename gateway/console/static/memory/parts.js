// What the pages of memory and sessions share.

import { PageFrame } from "/console/operate/parts.js";
import { getReader, sees } from "/console/lib/reader.js";
import { changeQuery } from "/console/lib/route.js";
import { h, useState } from "/console/vendor/preact.js";

const PAGES = [["/memory", "Facts and documents", "memory"], ["/sessions", "Conversations", "sessions"]];

/** A page of what is remembered, with a link to the other. */
export function Remembered({ path, title, children }) {
  const links = PAGES.filter(([, , part]) => sees(part)).map(([to, label]) => h("a", { href: `#${to}`, "aria-current": to === path ? "page" : undefined }, label));
  return h(PageFrame, { title, above: h("nav", { class: "tabs", "aria-label": "What is remembered" }, links) }, children);
}

/** For operators: whose memory is shown. It applies when the form is sent. */
export function OwnerChoice({ owner }) {
  const [typed, setTyped] = useState(owner);
  if (!getReader()?.is_operator) return null;
  const send = (event) => (event.preventDefault(), changeQuery({ owner: typed.trim() || null }));
  return h(
    "form",
    { class: "filters", onSubmit: send },
    h("label", {}, "Whose (the UUID of a user; empty: without an owner)", h("input", { type: "text", spellcheck: false, autocomplete: "off", value: typed, onInput: (event) => setTyped(event.currentTarget.value) })),
    h("button", { class: "quiet small" }, "Show"),
  );
}
