// Questions to a person: whether something may be done, or what only they know.

import { get, post } from "/console/api.js";
import { byId, h } from "/console/dom.js";
import { buildJson, buildText, showControls } from "/console/json_view.js";

/** Open questions. Items stay in place, so that what is being typed is kept. */
export class Approvals {
  root = h("ul", { class: "approvals", id: "approvals" });
  #items = new Map();

  get isEmpty() {
    return this.#items.size === 0;
  }

  update(approvals) {
    const ids = new Set(approvals.map((each) => each.id));
    for (const [id, item] of this.#items) if (!ids.has(id)) item.settle();
    for (const each of approvals.filter(({ id }) => !this.#items.has(id))) {
      const item = new Item(each);
      this.#items.set(each.id, item);
      this.root.append(item.root);
    }
  }
}

/** Whether a model asks for an answer. Else it, or a workflow, asks for leave. */
export function isQuestion({ call_id: call, show: shown }) {
  const isCall = typeof shown === "string" || (typeof shown === "object" && shown !== null && "tool" in shown);
  return Boolean(call) && !isCall;
}

class Item {
  #approval;
  #isSettled = false;
  #hadFocus = false;
  #problem = h("p", { class: "problem", role: "alert", hidden: true });
  #form;
  root;

  constructor(approval) {
    this.#approval = approval;
    const send = (isApproved, comment) => this.#send(isApproved, comment);
    this.#form = h("div", { class: "answer" }, isQuestion(approval) ? buildAnswer(approval, send) : buildDecision(send), this.#problem);
    this.root = h("li", { "data-key": approval.key }, h("p", { class: "question" }, showControls(approval.question)), buildShown(approval), this.#form);
  }

  /** Show how it was answered, or that it no longer waits, in place of the form. */
  async settle(before = "") {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const each of this.#form.querySelectorAll("button")) each.disabled = true;
    const end = describeEnd(await this.#read());
    const note = h("p", { class: "note", role: "status", tabindex: -1 }, before + end);
    const hadFocus = this.#hadFocus || this.#form.contains(document.activeElement);
    this.#form.replaceChildren(note);
    if (hadFocus) note.focus();
  }

  /** Return the question as it is now; null if it cannot be read. */
  async #read() {
    try {
      const { approvals } = await get(`/approvals?answered=true&limit=200&task_id=${this.#approval.task_id}`);
      return approvals.find((each) => each.id === this.#approval.id) ?? null;
    } catch {
      return null;
    }
  }

  async #send(isApproved, comment) {
    const buttons = [...this.#form.querySelectorAll("button")];
    this.#hadFocus = this.#form.contains(document.activeElement); // a disabled button loses it
    for (const each of buttons) each.disabled = true;
    this.#problem.hidden = true;
    try {
      const text = comment.trim();
      await post(`/approvals/${this.#approval.id}`, { approved: isApproved, ...(text ? { comment: text } : {}) });
      byId("news").textContent = isQuestion(this.#approval) ? "Your answer was sent." : isApproved ? "You approved it." : "You refused it.";
      await this.settle();
    } catch (error) {
      const now = error.status === 409 ? await this.#read() : null;
      if (now && !isOpen(now)) return this.settle("Your answer was not sent. ");
      for (const each of buttons) each.disabled = false;
      this.#problem.hidden = false;
      this.#problem.textContent = error.message;
    }
  }
}

const isOpen = ({ answered_at: answered, withdrawn_at: withdrawn }) => !answered && !withdrawn;

function describeEnd(approval) {
  if (!approval || isOpen(approval)) return "It no longer waits for an answer.";
  if (!approval.answered_at) return "It was withdrawn before anybody answered.";
  const who = approval.answered_by ? `the user ${approval.answered_by.slice(0, 8)}` : "an operator";
  const what = isQuestion(approval) ? "Answered" : approval.approved ? "Approved" : "Refused";
  const said = approval.comment ?? (isQuestion(approval) ? (approval.approved ? "yes" : "no") : null);
  return `${what} by ${who}${said ? `: ${showControls(said)}` : "."}`;
}

/** Approve or Refuse, with a comment. */
function buildDecision(send) {
  const comment = h("input", { type: "text", maxlength: 10_000, autocomplete: "off" });
  return [
    h("label", {}, "Comment (optional)", comment),
    h(
      "p",
      { class: "actions" },
      h("button", { type: "button", onclick: () => send(true, comment.value) }, "Approve"),
      h("button", { type: "button", class: "quiet", onclick: () => send(false, comment.value) }, "Refuse"),
    ),
  ];
}

/** A text for the answer, and buttons for the usual ones. */
function buildAnswer({ show: shown }, send) {
  const given = Array.isArray(shown?.choices) ? shown.choices.slice(0, 20).map(String) : [];
  const field = h("textarea", { rows: 2, maxlength: 10_000 });
  const submit = () => (field.value.trim() ? send(true, field.value) : field.focus());
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
  const quick = given.length
    ? given.map((each) => h("button", { type: "button", class: "quiet", onclick: () => send(true, each) }, showControls(each)))
    : [["Yes", true], ["No", false]].map(([label, isYes]) => h("button", { type: "button", class: "quiet", onclick: () => send(isYes, "") }, label));
  return [
    h("p", { class: "actions choices-given" }, quick),
    h("label", {}, given.length ? "Another answer" : "Your answer", field),
    h("p", { class: "actions" }, h("button", { type: "button", onclick: submit }, "Send answer")),
  ];
}

function buildShown(approval) {
  const { show: shown } = approval;
  if (shown === null || shown === undefined || isQuestion(approval)) return null;
  if (typeof shown === "string") return h("div", { "aria-label": "What it is about", role: "group" }, buildText(shown));
  const isCall = Boolean(approval.call_id) && typeof shown.arguments === "object" && shown.arguments !== null;
  if (!isCall) return h("div", { "aria-label": "What it is about", role: "group" }, buildJson(shown));
  if (!Object.keys(shown.arguments).length) return h("p", { class: "note" }, "It has no arguments.");
  return h("div", { "aria-label": "Arguments", role: "group" }, buildJson(shown.arguments));
}
