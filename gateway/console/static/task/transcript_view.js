// The text and the tool calls of a task's subtasks as they arrive, drawn at most once a frame.

import { h } from "/console/lib/dom.js";
import { Transcript } from "/console/task/transcript.js";
import { TurnView } from "/console/task/turn_view.js";

const EVERY_MS = 1_000; // for the time of running calls
const REPLAY_MS = 1_500; // what comes this soon may have happened long before

export class TranscriptView {
  #transcript = new Transcript();
  #articles = new Map();
  #superseded = new Set();
  #changed = new Set();
  #root;
  #describe;
  #timer;
  #isClosed = false;
  #opened = Date.now();

  /**
   * `describe.nameSubtask(id)` returns the name of a subtask; it may be known later than its first text.
   * `describe.getCallState(call)` returns the state of a call that has not ended.
   */
  constructor(root, describe) {
    this.#root = root;
    this.#describe = describe;
  }

  get isEmpty() {
    return this.#articles.size === 0;
  }

  /** The text of the step that answers. */
  get answer() {
    const [id] = this.#articles.keys();
    return id === undefined ? "" : this.#transcript.getText(id);
  }

  applyDelta(delta) {
    const { subtask_id: id, attempt } = delta;
    this.#beginAttempt(id, attempt);
    this.#transcript.applyDelta(delta);
    this.#show(id);
  }

  /** Apply text of the answer, which is that of the newest step that is one, as in `AnswerText`. */
  applyAnswer(delta) {
    if (this.#supersede(delta.subtask_id)) this.applyDelta(delta);
  }

  applyCall(call) {
    if (call.answer && !this.#supersede(call.subtask_id)) return;
    this.#transcript.applyCall(call);
    this.#show(call.subtask_id);
  }

  applyAside(aside) {
    if (!this.#articles.has(aside.subtask_id)) return;
    this.#transcript.applyAside(aside);
    this.#show(aside.subtask_id);
  }

  applyReset({ subtask_id: id, attempt }) {
    if (this.#articles.has(id)) this.#beginAttempt(id, attempt);
  }

  /** Show what the task's rows say: names, and the states of calls. */
  refresh() {
    for (const id of this.#articles.keys()) this.#show(id);
  }

  finish() {
    this.#root.removeAttribute("aria-busy");
  }

  close() {
    this.#isClosed = true;
    this.#setTimer(false);
  }

  #setTimer(isRunning) {
    if (!isRunning || this.#isClosed) this.#timer = clearInterval(this.#timer);
    else this.#timer ??= setInterval(() => this.refresh(), EVERY_MS);
  }

  /** Make a step the one that answers; return whether it is. */
  #supersede(id) {
    if (this.#superseded.has(id)) return false;
    for (const [before, article] of this.#articles) {
      if (before === id) continue;
      this.#superseded.add(before);
      this.#articles.delete(before);
      article.root.remove();
    }
    return true;
  }

  #beginAttempt(id, attempt) {
    const before = this.#transcript.getAttempt(id);
    if (attempt <= before) return;
    const hadText = [...this.#transcript.getTurns(id).values()].some((each) => !each.calls.size && each.text.text + each.reasoning.text !== "");
    this.#transcript.applySnapshot({ subtask_id: id, attempt, turn: null });
    if (before > 0) this.#articles.get(id)?.beginAttempt(attempt, hadText, this.#transcript.getTurns(id).size);
    this.#show(id);
  }

  #show(id) {
    if (!this.#articles.has(id)) {
      const article = new Article();
      this.#articles.set(id, article);
      this.#root.append(article.root);
      this.#root.setAttribute("aria-busy", "true");
    }
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#paint());
    this.#changed.add(id);
  }

  #paint() {
    const isLive = Date.now() - this.#opened > REPLAY_MS;
    let isRunning = false;
    for (const id of this.#changed) {
      const article = this.#articles.get(id);
      if (!article) continue;
      article.update(this.#describe.nameSubtask(id), this.#transcript.getTurns(id), this.#describe.getCallState, isLive);
      isRunning ||= article.isRunning;
    }
    this.#changed.clear();
    this.#setTimer(isRunning);
  }
}

class Article {
  #title = h("h4", {});
  #notice = h("p", { class: "note", hidden: true });
  #list = h("div", { class: "turns" });
  #turns = new Map();
  root = h("article", { class: "transcript" }, this.#title, this.#notice, this.#list);

  get isRunning() {
    return [...this.#turns.values()].some((each) => each.isRunning);
  }

  beginAttempt(attempt, hadText, kept) {
    this.#notice.hidden = !hadText && !kept;
    const lost = hadText ? "The previous attempt was interrupted, and its text was discarded." : "The previous attempt was interrupted.";
    const next = kept ? `Attempt ${attempt} goes on after what was stored.` : `This is attempt ${attempt}.`;
    this.#notice.textContent = `${lost} ${next}`;
  }

  /** Show the turns; one that was said again takes the place of the one before. */
  update(name, turns, getCallState, isLive) {
    if (this.#title.textContent !== name) this.#title.textContent = name;
    for (const [number, view] of this.#turns) {
      if (turns.get(number) === view.turn) continue;
      view.root.remove();
      this.#turns.delete(number);
    }
    const numbers = [...turns.keys()].sort((a, b) => a - b);
    for (const number of numbers) {
      if (!this.#turns.has(number)) this.#insert(number, new TurnView(number, turns.get(number)));
      this.#turns.get(number).update(number === numbers.at(-1), getCallState, isLive);
    }
  }

  #insert(number, view) {
    const next = Math.min(...[...this.#turns.keys()].filter((each) => each > number));
    this.#list.insertBefore(view.root, this.#turns.get(next)?.root ?? null);
    this.#turns.set(number, view);
  }
}
