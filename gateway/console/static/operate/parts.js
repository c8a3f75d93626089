// What the operators' pages share: their heading, tables, meters, and the dialog before a change.

import { clock, moment, remaining } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { now } from "/console/lib/server_clock.js";
import { Said } from "/console/lib/said.js";
import { setTitle } from "/console/lib/title.js";
import { getReader } from "/console/lib/reader.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

export const NOBODY = "00000000-0000-0000-0000-000000000000";
const WINDOW = 100;
/** The last value says whether other users see the page, too. */
const PAGES = [
  ["/agents", "Agents"],
  ["/queue", "Queue"],
  ["/dead", "Dead letters"],
  ["/limits", "Limits", true],
  ["/projects", "Projects", true],
  ["/keys", "Keys and grants"],
  ["/actions", "Actions"],
];

/** A page of operators, with links to the others that the reader sees. */
export function Operate({ path, title, children }) {
  const isOperator = getReader()?.is_operator ?? false;
  const links = PAGES.filter(([, , isForAll]) => isOperator || isForAll).map(([to, label]) => h("a", { href: `#${to}`, "aria-current": to === path ? "page" : undefined }, label));
  const tabs = useRef(null);
  useEffect(() => {
    const shown = tabs.current.querySelector("[aria-current]");
    if (shown) tabs.current.scrollLeft = shown.offsetLeft - tabs.current.offsetLeft - (tabs.current.clientWidth - shown.offsetWidth) / 2;
  }, [path]);
  return h(PageFrame, { title, above: h("nav", { ref: tabs, class: "tabs", "aria-label": isOperator ? "Operate" : "Spending" }, links) }, children);
}

/** A page with its title; `above` comes before it. */
export function PageFrame({ title, above = null, children }) {
  useEffect(() => setTitle(`${title} · COGO`), [title]);
  return h("div", { class: "page operate" }, above, h("h2", {}, title), children);
}

/** What went wrong with a read; what was read before stays beside it. */
export function Problem({ error, reload = null }) {
  if (!error) return null;
  return h("p", { class: "problem", role: "alert" }, h(Said, { text: error.message }), " ", reload && h("button", { type: "button", class: "quiet more", onClick: reload }, "Try again"));
}

/** The state of a read: its problem, or that it is under way. */
export function Reading({ of, what }) {
  return [h(Problem, { error: of.error, reload: of.reload }), of.isLoading && !of.error ? h("p", { class: "note" }, `Loading ${what}.`) : null];
}

/** A table; on a phone each row is a card whose cells have the headings before them. An empty heading is that of the buttons. */
export function Table({ caption, columns, children, ...properties }) {
  const body = useRef(null);
  useEffect(() => {
    for (const row of body.current.rows) for (const [place, cell] of [...row.cells].entries()) cell.dataset.label = columns[place] ?? "";
  });
  const head = columns.map((each) => h("th", { scope: "col" }, each || h("span", { class: "unseen" }, "Actions")));
  return h(
    "div",
    { class: "wide", tabindex: 0, role: "region", "aria-label": caption },
    h("table", properties, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, head)), h("tbody", { ref: body }, children)),
  );
}

/** Return the first rows of a list, and a button that shows more of them. */
export function useWindow(rows, size = WINDOW) {
  const [most, setMost] = useState(size);
  const left = rows.length - most;
  const more = left > 0 ? h("p", { class: "actions" }, h("button", { type: "button", class: "quiet", onClick: () => setMost(most + size) }, `Show more (${left.toLocaleString("en")} left)`)) : null;
  return [rows.slice(0, most), more];
}

/**
 * Return rows with a `key` in the order that they had when the pointer came, until it leaves, so that none moves away
 * from under it; and the listeners for the element that holds them. Rows that are new come last.
 */
export function useSteady(rows) {
  const [isHeld, setHeld] = useState(false);
  const order = useRef([]);
  const place = ({ key }) => (order.current.includes(key) ? order.current.indexOf(key) : rows.length);
  const steady = isHeld ? [...rows].sort((a, b) => place(a) - place(b)) : rows;
  order.current = steady.map(({ key }) => key);
  return [steady, { onMouseEnter: () => setHeld(true), onMouseLeave: () => setHeld(false) }];
}

/** The button that reads the next page of a list. */
export function More({ of }) {
  return of.isMore ? h("p", { class: "actions" }, h("button", { type: "button", class: "quiet", onClick: of.showMore }, "Show more")) : null;
}

export function Meter({ value, most, label, high = 0.8 }) {
  return h("meter", { min: 0, max: Math.max(most, 1e-9), high: most * high, value, "aria-label": label });
}

/** How much of a capacity is used: a bar with its numbers. */
export function Busy({ running, capacity, label }) {
  return h("span", { class: "busy" }, h(Meter, { value: running, most: capacity, label, high: 0.999 }), h("span", { class: "figure" }, `${running} of ${capacity}`));
}

/** A time, with the date in its title. */
export function When({ at }) {
  return at ? h("time", { datetime: at, title: moment(at) }, clock(at)) : h("span", {}, "–");
}

/** How long ago, in the largest unit that fits. */
export function ago(iso) {
  if (!iso) return "never";
  const seconds = Math.max(0, Math.round((now() - new Date(iso)) / 1000));
  return seconds < 2 ? "now" : `${remaining(seconds * 1000)} ago`;
}

export const Button = ({ label, name, onClick, isQuiet = true, ...more }) =>
  h("button", { type: "button", class: isQuiet ? "quiet small" : "small", "aria-label": name, onClick, ...more }, label);

/** Name an owner in a few letters. */
export function nameOwner(owner) {
  if (!owner || owner === NOBODY || owner === "none") return "no owner";
  return owner === "*" || owner === "anonymous" ? owner : `owner ${clip(owner, 8).replace("…", "")}`;
}

/** Name a user in a few letters. */
export const nameUser = (id) => `user ${clip(id, 8).replace("…", "")}`;

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
