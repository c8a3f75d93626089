// One AI column: its progress and caps, what it asks for, its failures and its cells.

import { get, poll, post } from "/console/lib/api.js";
import { buildProgress, buildReason, buildSpent, buildState } from "/console/columns/parts.js";
import { isPaused, nameColumn } from "/console/columns/words.js";
import { BackfillForm } from "/console/columns/backfill.js";
import { CellTable, Failures } from "/console/columns/cells.js";
import { byId, h, show } from "/console/lib/dom.js";
import { clock, count, money, moment } from "/console/lib/format.js";
import { buildText, clip } from "/console/lib/json_view.js";
import { setTitle } from "/console/lib/title.js";

const EVERY_MS = 5_000;

export class ColumnView {
  #root;
  #id;
  #isClosed = false;
  #isDrawn = false;
  #counts = null;
  #actions = null;
  #state = null;
  #settings = null;
  #parts;
  #backfill;
  #cells;
  #failures;

  constructor(id, root) {
    this.#root = root;
    this.#id = id;
    this.#backfill = new BackfillForm(id, () => this.#refresh());
    this.#cells = new CellTable(id);
    this.#failures = new Failures(id);
    this.#parts = buildParts(this.#backfill.root, this.#cells.root, this.#failures.root);
    show(this.#root, h("p", { class: "note" }, "Loading the column."));
    setTitle("Column · COGO");
    poll(EVERY_MS, () => this.#refresh());
  }

  close() {
    this.#isClosed = true;
  }

  /** Read the column again; return whether the page was left. */
  async #refresh() {
    if (this.#isClosed) return true;
    try {
      const found = await get(`/columns/${this.#id}`);
      if (this.#isClosed) return true;
      this.#draw(found);
    } catch (error) {
      if (this.#isClosed || error.status === 0 || error.status >= 500) return this.#isClosed;
      show(this.#root, h("a", { class: "up", href: "#/columns" }, "‹ All columns"), h("p", { class: "problem", role: "alert" }, error.message));
      this.#isDrawn = false;
    }
    return false;
  }

  #draw({ column, versions }) {
    const parts = this.#parts;
    if (!this.#isDrawn) show(this.#root, parts.root);
    this.#isDrawn = true;
    const state = JSON.stringify([column, versions]);
    if (state === this.#state) return;
    this.#state = state;
    const name = nameColumn(column);
    setTitle(`${clip(name, 60)} · COGO`);
    parts.name.textContent = clip(name, 200);
    show(parts.status, [buildState(column)]);
    show(parts.reason, [buildReason(column)]);
    show(parts.progress, buildProgress(column), buildSpent(column), buildBackfillProgress(column.backfill));
    for (const each of [parts.progressSection, parts.settingsSection]) each.hidden = column.done === undefined;
    this.#drawActions(column);
    this.#drawSettings(column, versions);
    this.#backfill.update(column);
    const counts = ["pending", "asked", "done", "stale", "failed", "kept"].map((state) => column[state]).join();
    if (counts === this.#counts) return;
    this.#counts = counts;
    this.#cells.setKey(column.key_columns);
    this.#cells.refresh();
    this.#failures.refresh(column.failed ?? null);
  }

  #drawActions(column) {
    const again = isPaused(column) ? "Resume" : column.error ? "Try again" : null;
    const actions = [again && ["resume", again], isPaused(column) ? null : ["pause", "Pause"]].filter(Boolean);
    const key = actions.join();
    if (key === this.#actions) return;
    this.#actions = key;
    const hadFocus = this.#parts.actions.contains(document.activeElement);
    const buttons = actions.map(([action, label]) => h("button", { type: "button", class: "quiet", onclick: ({ currentTarget }) => this.#act(currentTarget, action) }, label));
    show(this.#parts.actions, buttons);
    if (hadFocus) buttons[0].focus();
  }

  async #act(button, action) {
    if (button.getAttribute("aria-disabled")) return; // it is being sent
    button.setAttribute("aria-disabled", "true");
    this.#parts.problem.hidden = true;
    try {
      await post(`/columns/${this.#id}/${action}`, {});
      byId("news").textContent = action === "pause" ? "The column is paused." : "The column goes on.";
      await this.#refresh();
    } catch (error) {
      this.#parts.problem.hidden = false;
      this.#parts.problem.textContent = error.message;
    }
    button.removeAttribute("aria-disabled");
  }

  #drawSettings(column, versions) {
    const settings = JSON.stringify([buildTexts(column), versions]);
    if (settings === this.#settings) return; // what is open in them stays so
    this.#settings = settings;
    const parts = this.#parts;
    show(parts.facts, buildFacts(column));
    show(parts.prompt, buildText(column.prompt ?? ""));
    parts.versionsSection.hidden = versions.length < 2;
    show(parts.versions, versions.map((each) => buildVersion(each, column.version)));
  }
}

function buildParts(backfill, cells, failures) {
  const parts = {
    name: h("h2", { class: "column-name" }),
    status: h("p", { role: "status" }),
    actions: h("p", { class: "actions for-operators" }),
    problem: h("p", { class: "problem", role: "alert", hidden: true }),
    reason: h("div", {}),
    progress: h("div", { class: "progress-of-column" }),
    facts: h("dl", { class: "facts" }),
    prompt: h("div", {}),
    versions: h("ol", { class: "versions" }),
  };
  parts.versionsSection = h("details", { class: "section", hidden: true }, h("summary", {}, "Versions"), parts.versions);
  parts.progressSection = h("section", { class: "section", "aria-label": "Progress" }, parts.progress);
  parts.settingsSection = h("section", { class: "section", "aria-label": "Settings" }, h("h3", {}, "Settings"), parts.facts, h("h3", { class: "sub" }, "Prompt"), parts.prompt);
  parts.root = h(
    "div",
    { class: "page" },
    h("a", { class: "up", href: "#/columns" }, "‹ All columns"),
    parts.name,
    h("header", {}, parts.status, parts.actions),
    parts.problem,
    parts.reason,
    parts.progressSection,
    backfill,
    failures,
    parts.settingsSection,
    parts.versionsSection,
    cells,
  );
  return parts;
}

function buildBackfillProgress(backfill) {
  if (!backfill || backfill.total === 0 || backfill.done >= backfill.total) return null;
  return h(
    "p",
    { class: "spent" },
    h(
      "span",
      {},
      `Backfill: ${count(backfill.done)} of ${count(backfill.total)} rows${backfill.from ? `, since ${clock(backfill.from)}` : ""}`,
      h("meter", { min: 0, max: backfill.total, value: backfill.done, "aria-label": "Progress of the backfill" }),
    ),
  );
}

function buildFacts(column) {
  return buildTexts(column).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

function buildTexts(column) {
  const { sources = [], owner_column: owner, overwrite, max_usd_per_row: perRow, preferences, created_at: created, changed_at: changed } = column;
  return [
    ["Type", clip(column.type, 100)],
    ["Model", column.model ? clip(column.model, 100) : "chosen for each task"],
    ["Preference", preferences?.preference ?? "balanced"],
    ["Version", String(column.version)],
    ["Made from", sources.map((each) => clip(each, 60)).join(", ") || "–"],
    ["Owner of a cell", owner ? `by ${clip(owner, 60)}` : "nobody"],
    ["A person's value", overwrite ? "is overwritten" : "is kept"],
    ["Cap per row", perRow === null || perRow === undefined ? "no cap" : money(perRow)],
    ["Installed", moment(created)],
    ["Changed", moment(changed)],
  ];
}

function buildVersion({ version, prompt, model, created_at: created }, current) {
  return h(
    "li",
    {},
    h("p", {}, h("strong", {}, `Version ${version}`), version === current ? " (now)" : "", h("span", { class: "note" }, ` · ${moment(created)} · ${model ? clip(model, 100) : "any model"}`)),
    buildText(prompt ?? "", 1_000),
  );
}
