// The list of AI columns: columns of users' tables whose values models write.

import { get, poll } from "/console/lib/api.js";
import { buildProgress, buildReason, buildSpent, buildState } from "/console/columns/parts.js";
import { nameColumn } from "/console/columns/words.js";
import { h, show } from "/console/lib/dom.js";
import { clip } from "/console/lib/json_view.js";
import { setTitle } from "/console/lib/title.js";

const EVERY_MS = 5_000;

export class ColumnList {
  #isClosed = false;
  #drawn = null;
  #list = h("ul", { class: "columns" });
  #note = h("p", { class: "note" }, "Loading the columns.");

  constructor(root) {
    show(root, h("div", { class: "page" }, h("h2", {}, "Columns"), this.#note, this.#list));
    setTitle("Columns · COGO");
    poll(EVERY_MS, () => this.#refresh());
  }

  close() {
    this.#isClosed = true;
  }

  async #refresh() {
    if (this.#isClosed) return true;
    try {
      const { columns } = await get("/columns");
      if (this.#isClosed) return true;
      this.#draw(columns);
    } catch (error) {
      // If the gateway is unreachable, the banner says so, and this is retried.
      if (error.status !== 0 && error.status < 500) this.#showNote(error.message);
    }
    return false;
  }

  #draw(columns) {
    if (!columns.length) this.#showNote("There are no AI columns. An operator makes one with cogo columns add, or in SQL with cogo.ai_column().");
    else this.#note.hidden = true;
    const state = JSON.stringify(columns);
    if (state === this.#drawn) return;
    this.#drawn = state;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.hash : null;
    show(this.#list, columns.map(buildItem));
    if (focused) [...this.#list.querySelectorAll("a")].find((each) => each.hash === focused)?.focus();
  }

  #showNote(text) {
    this.#note.hidden = false;
    this.#note.textContent = text;
  }
}

function buildItem(column) {
  return h(
    "li",
    { class: "section" },
    h("p", { class: "heading" }, h("a", { href: `#/columns/${column.id}` }, clip(nameColumn(column), 200)), buildState(column)),
    column.type ? h("p", { class: "note" }, `${clip(column.type, 60)} · ${column.model ? clip(column.model, 100) : "a model is chosen for each task"}`) : null,
    buildReason(column),
    buildProgress(column),
    buildSpent(column),
  );
}
