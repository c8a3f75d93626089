// The form that asks for rows of an AI column: an estimate first, then a confirmation.

import { post } from "/console/lib/api.js";
import { describeEstimate } from "/console/columns/words.js";
import { byId, h } from "/console/lib/dom.js";
import { count } from "/console/lib/format.js";

const CHOICES = [
  ["missing", "Rows that have no value yet", true],
  ["stale", "Values of an earlier version", false],
  ["failed", "Failed cells, once more", false],
  ["kept", "Values that people wrote: they are overwritten", false],
];

export class BackfillForm {
  #id;
  #onStart;
  #column = null;
  #offer = null;
  #ticks = CHOICES.map(([state, label, isOn]) => ({ state, label, input: h("input", { type: "checkbox", value: state, checked: isOn, onchange: () => this.#forget() }) }));
  #limit = h("input", { type: "number", min: 1, max: 100_000_000, step: 1, inputmode: "numeric", placeholder: "all", oninput: () => this.#forget() });
  #estimate = h("button", { type: "submit", class: "quiet" }, "Estimate");
  #said = h("p", { class: "estimate", role: "status", hidden: true });
  #confirm = h("button", { type: "button", hidden: true, onclick: () => this.#start() }, "Ask for them");
  #problem = h("p", { class: "problem", role: "alert", hidden: true });
  root;

  /** `onStart`: called when rows were asked for. */
  constructor(id, onStart) {
    this.#id = id;
    this.#onStart = onStart;
    const ticks = this.#ticks.map(({ label, input }) => h("label", { class: "tick" }, input, label));
    const form = h(
      "form",
      { novalidate: true, onsubmit: (event) => (event.preventDefault(), this.#ask()) },
      h("fieldset", {}, h("legend", {}, "What to ask for"), ticks),
      h("label", { class: "field limit" }, "At most this many rows", this.#limit),
      h("p", { class: "actions" }, this.#estimate),
      this.#said,
      h("p", { class: "actions" }, this.#confirm),
      this.#problem,
    );
    this.root = h("details", { class: "section for-operators backfill" }, h("summary", {}, "Backfill"), form);
  }

  update(column) {
    this.#column = column;
  }

  #read() {
    const states = this.#ticks.filter(({ input }) => input.checked).map(({ state }) => state);
    return { states, ...(this.#limit.value ? { limit: Number(this.#limit.value) } : {}) };
  }

  /** Forget an estimate: something else is asked for now. */
  #forget() {
    this.#offer = null;
    this.#said.hidden = true;
    this.#confirm.hidden = true;
    this.#problem.hidden = true;
  }

  async #ask() {
    this.#forget();
    const wish = this.#read();
    if (!wish.states.length) return this.#showProblem("Choose what to ask for.");
    const answer = await this.#send({ ...wish, dry_run: true });
    if (!answer || JSON.stringify(wish) !== JSON.stringify(this.#read())) return;
    this.#said.hidden = false;
    this.#said.textContent = describeEstimate(answer, this.#column);
    if (answer.cells === 0) return;
    this.#offer = wish;
    this.#confirm.textContent = `Ask for ${count(answer.cells)} ${answer.cells === 1 ? "row" : "rows"}`;
    this.#confirm.hidden = false;
    this.#confirm.focus();
  }

  async #start() {
    const wish = this.#offer;
    if (!wish) return;
    const answer = await this.#send(wish);
    if (!answer) return;
    this.#forget();
    this.#said.hidden = false;
    this.#said.textContent = answer.cells === 1 ? "1 row was asked for." : `${count(answer.cells)} rows were asked for.`;
    byId("news").textContent = this.#said.textContent;
    this.#estimate.focus();
    this.#onStart();
  }

  /** Return the answer, or null after showing what was wrong. */
  async #send(wish) {
    const buttons = [this.#estimate, this.#confirm];
    if (buttons.some((each) => each.getAttribute("aria-disabled"))) return null; // it is being sent
    for (const each of buttons) each.setAttribute("aria-disabled", "true");
    try {
      return await post(`/columns/${this.#id}/backfill`, wish);
    } catch (error) {
      this.#showProblem(error.message);
      return null;
    } finally {
      for (const each of buttons) each.removeAttribute("aria-disabled");
    }
  }

  #showProblem(sentence) {
    this.#problem.hidden = false;
    this.#problem.textContent = sentence;
  }
}
