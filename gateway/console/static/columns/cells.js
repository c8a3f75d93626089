// The cells of an AI column, by the keys of their rows, and those that failed by their reasons.

import { get } from "/console/lib/api.js";
import { formatKey, groupFailures, STATES } from "/console/columns/words.js";
import { h, show } from "/console/lib/dom.js";
import { clock, count, money, moment } from "/console/lib/format.js";
import { clip, showControls } from "/console/lib/json_view.js";
import { buildTable } from "/console/lib/table.js";

const PAGE = 50;
const LOOKED_AT = 200;
const COLUMNS = ["State", "Model", "Cost", "When", "Task"];

/** Cells of one page after the other. */
export class CellTable {
  #id;
  #next = null;
  #pages = 0;
  #reading = null;
  #choice = h("select", { onchange: () => this.refresh(true) }, h("option", { value: "" }, "all"), STATES.map((each) => h("option", { value: each }, each)));
  #rows = [];
  #keyName = "Row";
  #body = h("div", {});
  #note = h("p", { class: "note", role: "status" });
  #more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#read(this.#next) }, "Show more");
  root;

  constructor(id) {
    this.#id = id;
    this.root = h(
      "section",
      { class: "section cells", "aria-label": "Cells" },
      h("div", { class: "cells-head" }, h("h3", {}, "Cells"), h("label", { class: "choice" }, "State ", this.#choice)),
      this.#body,
      this.#note,
      h("p", { class: "actions" }, this.#more),
    );
  }

  /** Name the columns of the key. */
  setKey(names) {
    this.#keyName = names?.length ? names.map((each) => clip(each, 60)).join(" / ") : "Row";
  }

  /** Read the first page again; further pages that somebody opened stay as they are. */
  refresh(isNew = false) {
    if (isNew || this.#pages <= 1) this.#read(null);
  }

  async #read(after) {
    const state = this.#choice.value;
    const reading = (this.#reading = {});
    const query = new URLSearchParams({ limit: PAGE, ...(state ? { state } : {}), ...(after ? { after } : {}) });
    try {
      const { cells, next } = await get(`/columns/${this.#id}/cells?${query}`);
      if (reading !== this.#reading) return; // another page was asked for meanwhile
      this.#next = next;
      this.#pages = after ? this.#pages + 1 : 1;
      this.#rows = after ? [...this.#rows, ...cells] : cells;
      this.#draw(after ? cells.length : 0);
    } catch (error) {
      if (reading === this.#reading) this.#note.textContent = error.message;
    }
  }

  #draw(added) {
    const rows = this.#rows;
    this.#more.hidden = this.#next === null;
    this.#note.textContent = rows.length ? (this.#next === null ? "" : `The first ${count(rows.length)} by key.`) : "There are none.";
    show(this.#body, rows.length ? buildTable("Cells", [this.#keyName, ...COLUMNS], rows.flatMap(buildRow)) : []);
    if (added && this.#more.hidden) this.#body.querySelector(".wide")?.focus();
  }
}

function buildRow(cell) {
  const when = cell.done_at ?? cell.asked_at;
  const line = h(
    "tr",
    {},
    h("th", { scope: "row" }, formatKey(cell.key)),
    h("td", {}, h("span", { class: `cell-state ${cell.state}` }, cell.state), cell.state === "stale" && cell.version ? h("small", {}, `version ${cell.version}`) : null),
    h("td", {}, cell.model ? clip(cell.model, 60) : "–"),
    h("td", { class: "figure" }, money(cell.cost_usd)),
    h("td", { class: "figure" }, when ? h("time", { datetime: when, title: moment(when) }, clock(when)) : "–"),
    h("td", {}, cell.task_id ? h("a", { href: `#/tasks/${cell.task_id}` }, cell.task_id.slice(0, 8)) : "–"),
  );
  if (!cell.reason) return [line];
  return [line, h("tr", { class: cell.state === "failed" ? "why" : "because" }, h("td", { colspan: COLUMNS.length + 1 }, h("span", {}, clip(cell.reason, 1_000))))];
}

/** Why cells failed, with some rows of each reason. */
export class Failures {
  #id;
  #list = h("ul", { class: "failures" });
  #note = h("p", { class: "note" });
  #failed = 0;
  root = h("section", { class: "section", "aria-label": "Failures", hidden: true }, h("h3", {}, "Failures"), this.#list, this.#note);

  constructor(id) {
    this.#id = id;
  }

  /** Read them again if their number has changed; null: nobody knows it. */
  async refresh(failed) {
    if (failed !== null && failed === this.#failed) return;
    this.#failed = failed;
    if (failed === 0) this.root.hidden = true;
    if (failed === 0) return;
    try {
      const { cells, next } = await get(`/columns/${this.#id}/cells?state=failed&limit=${LOOKED_AT}`);
      show(this.#list, groupFailures(cells).map(buildGroup));
      this.#note.textContent = next === null ? "" : `These are the reasons of the first ${count(cells.length)} of ${count(failed)} failed cells.`;
      this.root.hidden = cells.length === 0;
    } catch (error) {
      this.#note.textContent = error.message;
    }
  }
}

function buildGroup({ reason, cells, examples }) {
  const rows = examples.flatMap((cell, place) => [
    place ? ", " : "",
    cell.task_id ? h("a", { href: `#/tasks/${cell.task_id}` }, formatKey(cell.key)) : h("span", {}, formatKey(cell.key)),
  ]);
  return h(
    "li",
    {},
    h("span", { class: "cell-state failed" }, count(cells)),
    h("span", { class: "why-failed" }, showControls(reason.slice(0, 1_000))),
    h("span", { class: "facts" }, cells > examples.length ? "for example row " : "row ", rows),
  );
}
