// The text of a task's subtasks as it arrives. A new attempt replaces the text of the one before.

import { h } from "/console/dom.js";
import { Transcript } from "/console/transcript.js";

export class TranscriptView {
  #transcript = new Transcript();
  #articles = new Map();
  #superseded = new Set();
  #root;
  #getSubtaskName;

  /** `getSubtaskName(id)` returns the name of a subtask; it may be known later than its first text. */
  constructor(root, getSubtaskName) {
    this.#root = root;
    this.#getSubtaskName = getSubtaskName;
  }

  get isEmpty() {
    return this.#articles.size === 0;
  }

  applyDelta(delta) {
    const { subtask_id: id, attempt, kind } = delta;
    this.#beginAttempt(id, attempt);
    this.#getArticle(id).append(kind, this.#transcript.applyDelta(delta));
  }

  /** Apply text of the answer, which is that of the newest step that is one, as in `AnswerText`. */
  applyAnswer(delta) {
    const id = delta.subtask_id;
    if (this.#superseded.has(id)) return;
    for (const [before, article] of this.#articles) {
      if (before === id) continue;
      this.#superseded.add(before);
      this.#articles.delete(before);
      article.root.remove();
    }
    this.applyDelta(delta);
  }

  applyReset({ subtask_id: id, attempt }) {
    if (this.#articles.has(id)) this.#beginAttempt(id, attempt);
  }

  showNames() {
    for (const [id, article] of this.#articles) article.setName(this.#getSubtaskName(id));
  }

  finish() {
    this.#root.removeAttribute("aria-busy");
  }

  #beginAttempt(id, attempt) {
    if (attempt <= this.#transcript.getAttempt(id)) return;
    const hadText = this.#transcript.getText(id) + this.#transcript.getText(id, "reasoning") !== "";
    this.#transcript.applySnapshot({ subtask_id: id, attempt });
    this.#articles.get(id)?.beginAttempt(attempt, hadText);
  }

  #getArticle(id) {
    let article = this.#articles.get(id);
    if (!article) {
      article = new Article(this.#getSubtaskName(id));
      this.#articles.set(id, article);
      this.#root.append(article.root);
      this.#root.setAttribute("aria-busy", "true");
    }
    return article;
  }
}

class Article {
  #title = h("h4", {});
  #notice = h("p", { class: "note", hidden: true });
  #blocks = { text: textBlock("text"), reasoning: textBlock("reasoning") };
  #details = h("details", { class: "thinking", hidden: true }, h("summary", {}, "Reasoning"), this.#blocks.reasoning.root);
  root = h("article", { class: "transcript" }, this.#title, this.#notice, this.#details, this.#blocks.text.root);

  constructor(name) {
    this.setName(name);
  }

  setName(name) {
    this.#title.textContent = name;
  }

  beginAttempt(attempt, hadText) {
    this.#blocks.text.clear();
    this.#blocks.reasoning.clear();
    this.#details.hidden = true;
    this.#notice.hidden = !hadText;
    if (hadText) this.#notice.textContent = `The previous attempt was interrupted, and its text was discarded. This is attempt ${attempt}.`;
  }

  append(kind, text) {
    this.#blocks[kind].append(text);
    if (kind === "reasoning") this.#details.hidden = false;
  }
}

function textBlock(name) {
  const root = h("pre", { class: name, tabindex: 0 });
  let waiting = ""; // until the next frame: each change makes the browser lay out the whole text

  function paint() {
    const follows = root.scrollTop + root.clientHeight >= root.scrollHeight - 8;
    root.append(waiting);
    waiting = "";
    if (follows) root.scrollTop = root.scrollHeight;
  }

  return {
    root,
    clear() {
      root.replaceChildren();
      waiting = "";
    },
    append(text) {
      if (text === "") return;
      if (waiting === "") requestAnimationFrame(paint);
      waiting += text;
    },
  };
}
