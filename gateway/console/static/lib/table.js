// A table that scrolls inside its own region when it is too wide.

import { h } from "/console/lib/dom.js";

export function buildTable(caption, columns, body) {
  const head = h("tr", {}, columns.map((each) => h("th", { scope: "col" }, each)));
  return h(
    "div",
    { class: "wide", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, head), h("tbody", {}, body)),
  );
}
