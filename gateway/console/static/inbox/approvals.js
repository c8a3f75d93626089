// Questions to a person: whether something may be done, or what only they know.

import { get, post } from "/console/lib/api.js";
import { buildLink } from "/console/inbox/link.js";
import { buildAnswer, buildAsked, buildDecision, buildShown } from "/console/inbox/parts.js";
import { describeEnd, describeEndTime, isOpen, isQuestion } from "/console/inbox/words.js";
import { byId, h } from "/console/lib/dom.js";
import { clip, showControls } from "/console/lib/json_view.js";

/** What is being typed, by the question's id: it outlives the page on which it was begun. */
const drafts = new Map();

/** Open questions, the oldest first. Items stay in place, so that what is being typed is kept. */
export class Approvals {
  root = h("ul", { class: "approvals", id: "approvals" });
  #items = new Map();
  #options;
  #isGrouped = false;

  /** `options`: `hasLinks`, to the tasks; `onEnd`, called when a question was answered. */
  constructor(options = {}) {
    this.#options = options;
  }

  get isEmpty() {
    return this.#items.size === 0;
  }

  /** Show these open questions; others whose `seq` is not below `from` are no longer open. */
  update(approvals, from = 0) {
    const ids = new Set(approvals.map((each) => each.id));
    for (const [id, item] of this.#items) if (!ids.has(id) && item.seq >= from) item.settle();
    for (const each of approvals) {
      const known = this.#items.get(each.id);
      if (!known) this.#insert(new Item(each, this.#options));
      else if (known.isWithdrawn) this.#replace(known, new Item(each, this.#options)); // asked again
      else known.refresh(each);
    }
  }

  /** Answer a question as its form does, with what was typed there unless `comment` is given. */
  answer(id, isApproved, comment = null) {
    return this.#items.get(id)?.send(isApproved, comment);
  }

  /** Let questions of one task stand together, or all by age. */
  group(isGrouped) {
    this.#isGrouped = isGrouped;
    const items = [...this.#items.values()].sort((a, b) => a.seq - b.seq);
    const first = new Map();
    for (const each of items) if (!first.has(each.taskId)) first.set(each.taskId, each.seq);
    if (isGrouped) items.sort((a, b) => first.get(a.taskId) - first.get(b.taskId) || a.seq - b.seq);
    this.root.append(...items.map((each) => each.root));
    this.#mark();
  }

  /** Take away the questions that are no longer open. */
  prune() {
    for (const [id, item] of this.#items) if (item.isSettled) item.root.remove(), this.#items.delete(id);
  }

  #insert(item) {
    const same = this.#isGrouped ? [...this.root.children].findLast((each) => each.dataset.task === item.taskId) : null;
    const next = [...this.#items.values()].filter((each) => each.seq > item.seq).sort((a, b) => a.seq - b.seq)[0];
    this.root.insertBefore(item.root, same ? same.nextSibling : this.#isGrouped ? null : (next?.root ?? null));
    this.#items.set(item.id, item);
    this.#mark();
  }

  /** Mark the questions that follow another one of their task. */
  #mark() {
    for (const each of this.root.children) each.classList.toggle("same-task", this.#isGrouped && each.previousSibling?.dataset.task === each.dataset.task);
  }

  #replace(old, item) {
    old.root.replaceWith(item.root);
    this.#items.set(item.id, item);
  }
}

class Item {
  #approval;
  #options;
  #asked;
  #question;
  #shown;
  #form;
  #link;
  #hadFocus = false;
  #isSending = false;
  #problem = h("p", { class: "problem", role: "alert", hidden: true });
  isSettled = false;
  /** Whether it ended without an answer: it may be asked again. */
  isWithdrawn = false;
  root;

  constructor(approval, options) {
    this.#approval = approval;
    this.#options = options;
    const send = (isApproved, comment) => this.send(isApproved, comment);
    const label = `Answer to: ${clip(approval.question, 100)}`;
    this.#form = h("div", { class: "answer", role: "group", "aria-label": label }, isQuestion(approval) ? buildAnswer(approval, send) : buildDecision(send), this.#problem);
    this.#keepDraft();
    this.#asked = buildAsked(approval, options);
    this.#question = h("p", { class: "question" }, showControls(approval.question));
    this.#shown = buildShown(approval);
    this.#link = buildLink(approval.id);
    this.root = h(
      "li",
      { "data-key": approval.key, "data-id": approval.id, "data-task": approval.task_id, tabindex: -1 },
      this.#asked,
      this.#question,
      this.#shown,
      this.#form,
      this.#link,
    );
  }

  get id() {
    return this.#approval.id;
  }

  get taskId() {
    return this.#approval.task_id;
  }

  get seq() {
    return this.#approval.seq ?? 0;
  }

  /** Show what has changed: who may answer, or how much a cap lacks now. */
  refresh(approval) {
    if (this.isSettled) return;
    const before = this.#approval;
    this.#approval = approval;
    const hasChanged = (...names) => JSON.stringify(names.map((name) => before[name])) !== JSON.stringify(names.map((name) => approval[name]));
    if (hasChanged("task_id", "by", "cost_usd", "expires_at", "escalated_at")) this.#asked = replace(this.#asked, buildAsked(approval, this.#options));
    if (hasChanged("question")) this.#question.textContent = showControls(approval.question);
    if (hasChanged("show")) this.#shown = replace(this.#shown, buildShown(approval));
  }

  /** Show how it was answered, or that it no longer waits, in place of the form. */
  async settle(before = "") {
    if (this.isSettled || this.#isSending) return;
    this.isSettled = true;
    this.#setButtons(true);
    let approval;
    try {
      approval = await this.#read();
    } catch {
      this.isSettled = false; // nobody knows yet: the next round asks again
      this.#setButtons(false);
      return;
    }
    this.isWithdrawn = !approval?.answered_at;
    const field = this.#field;
    const typed = field.value.trim();
    const note = h("p", { class: "note", role: "status", tabindex: -1 }, before + describeEnd(approval), h("small", {}, describeEndTime(approval ?? {})));
    const hadFocus = this.#hadFocus || this.#form.contains(document.activeElement);
    this.#form.replaceChildren(note, ...buildUnsent(typed));
    this.#link.remove();
    drafts.delete(this.id);
    if (hadFocus) note.focus();
    this.#options.onEnd?.();
  }

  get #field() {
    return this.#form.querySelector("input, textarea");
  }

  #keepDraft() {
    const field = this.#field;
    field.value = drafts.get(this.id) ?? "";
    field.addEventListener("input", () => (field.value ? drafts.set(this.id, field.value) : drafts.delete(this.id)));
  }

  #setButtons(isDisabled) {
    for (const each of this.#form.querySelectorAll("button")) each.disabled = isDisabled;
  }

  /** Return the question as it is now; null if there is none any more. */
  async #read() {
    try {
      return await get(`/approvals/${this.id}`);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  async send(isApproved, comment) {
    if (this.isSettled || this.#isSending) return;
    this.#hadFocus = this.#form.contains(document.activeElement); // a disabled button loses it
    const pressed = document.activeElement;
    this.#isSending = true;
    this.#setButtons(true);
    this.#problem.hidden = true;
    const text = (comment ?? this.#field.value).trim();
    let answer = null;
    let refusal = null;
    try {
      answer = await post(`/approvals/${this.id}`, { approved: isApproved, via: "console", ...(text ? { comment: text } : {}) });
    } catch (error) {
      refusal = error;
    }
    this.#isSending = false;
    if (answer) {
      if ((answer.comment ?? "") !== text) return this.settle("It was answered before. ");
      this.#field.value = ""; // it was sent, or another answer was chosen
      byId("news").textContent = isQuestion(this.#approval) ? "Your answer was sent." : isApproved ? "You approved it." : "You refused it.";
      return this.settle();
    }
    if (refusal.status === 409 && (await this.#hasEnded())) return this.settle("Your answer was not sent. ");
    this.#setButtons(false);
    if (this.#hadFocus) pressed?.focus();
    this.#problem.hidden = false;
    this.#problem.textContent = refusal.message;
  }

  async #hasEnded() {
    try {
      const now = await this.#read();
      return now === null || !isOpen(now);
    } catch {
      return false;
    }
  }
}

function replace(old, element) {
  old.replaceWith(element);
  return element;
}

/** Keep what was typed and not sent, so that it can be copied. */
function buildUnsent(text) {
  return text ? [h("label", {}, "You had typed, and did not send", h("textarea", { rows: 2, readonly: true }, text))] : [];
}
