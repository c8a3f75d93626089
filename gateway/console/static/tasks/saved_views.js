// Views: addresses of the table with a name. Some are there from the start; others are kept in this browser.

import { clip } from "/console/lib/json_view.js";
import { buildAddress } from "/console/lib/route.js";
import { clearFilters } from "/console/tasks/filters.js";
import { Menu } from "/console/tasks/menu.js";
import { h, useEffect, useState } from "/console/vendor/preact.js";

const KEY = "cogo-views";
const MOST = 100;
export const FAILED = "#/tasks?status=failed&time=today";
const BUILT_IN = [
  ["All tasks", "#/"],
  ["Not finished", "#/tasks?status=pending&status=running&status=held"],
  ["Failed today", FAILED],
  ["Failed since noon", "#/tasks?status=failed&time=noon"],
  ["Waiting for an answer", "#/tasks?asking=true"],
  ["Dead letters", "#/tasks?dead=true"],
];

export function SavedViews({ query }) {
  const [views, setViews] = useState(readViews);
  const [name, setName] = useState("");
  const [said, setSaid] = useState("");
  useEffect(() => {
    const listen = (event) => event.key === KEY && setViews(readViews());
    window.addEventListener("storage", listen); // another tab has saved one
    return () => window.removeEventListener("storage", listen);
  }, []);
  const save = (changed, sentence) => {
    setSaid(writeViews(changed) ? sentence : "This browser stores nothing for this page.");
    setViews(changed);
  };
  const submit = (event) => {
    event.preventDefault();
    const called = name.trim();
    if (!called) return setSaid("Give it a name.");
    const others = views.filter((each) => each.name !== called);
    if (others.length >= MOST) return setSaid(`There are ${MOST} views already.`);
    save([...others, { name: called, address: buildViewAddress(query) }], `Saved as ${called}.`);
    setName("");
  };
  const copy = async () => {
    const url = `${location.origin}${location.pathname}${buildViewAddress(query)}`;
    try {
      await navigator.clipboard.writeText(url);
      setSaid("Copied.");
    } catch {
      setSaid(url);
    }
  };
  return h(
    Menu,
    { label: "Views" },
    h("ul", { class: "views", "aria-label": "Views" }, BUILT_IN.map(([label, address]) => h("li", { key: address }, h("a", { href: address }, label)))),
    views.length
      ? h(
          "ul",
          { class: "views", "aria-label": "Your views" },
          views.map((each) =>
            h("li", { key: each.name }, h("a", { href: each.address }, clip(each.name, 60)), h("button", { type: "button", class: "quiet", "aria-label": `Delete ${each.name}`, onClick: () => save(views.filter((other) => other !== each), `Deleted ${each.name}.`) }, "×")),
          ),
        )
      : null,
    h(
      "form",
      { onSubmit: submit },
      h("label", { class: "field" }, "Save these filters as", h("input", { type: "text", maxlength: 60, value: name, onInput: (event) => setName(event.target.value) })),
      h("p", { class: "actions" }, h("button", { type: "button", class: "quiet", onClick: copy }, "Copy link"), h("button", { type: "submit", class: "quiet" }, "Save view")),
      h("p", { class: "note", role: "status" }, said),
    ),
  );
}

/** Return the address of the filters alone: a view begins at the newest task. */
function buildViewAddress(query) {
  const names = Object.keys(clearFilters()).filter((name) => name !== "before");
  return buildAddress("/tasks", Object.fromEntries(names.map((name) => [name, query.getAll(name)])));
}

function readViews() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return found.filter((each) => typeof each?.name === "string" && /^#\/tasks(\?|$)/.test(each?.address));
  } catch {
    return [];
  }
}

function writeViews(views) {
  try {
    if (views.length) localStorage.setItem(KEY, JSON.stringify(views));
    else localStorage.removeItem(KEY);
    return true;
  } catch {
    return false;
  }
}
