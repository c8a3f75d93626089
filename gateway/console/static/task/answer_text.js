// The text of an answer while it grows: as Markdown, or as it is (see task.css).

import { h } from "/console/lib/dom.js";
import { MarkdownView } from "/console/lib/markdown.js";

const PLAIN = "plain-answers";
const EVERY_MS = 100;
/** Drawing takes at most one part in so many of the time. */
const PAUSE = 8;

export const showsPlainText = () => document.body.classList.contains(PLAIN);

/** Show all answers as plain text, or as Markdown. */
export const showPlainText = (isPlain) => document.body.classList.toggle(PLAIN, isPlain);

export class AnswerText {
  #pre;
  #view = new MarkdownView();
  #timer = null;
  #next = 0;
  root;

  /** `pre` holds the text as it is; whoever changes it calls `update()`. */
  constructor(pre) {
    this.#pre = pre;
    this.root = h("div", { class: "answer-text" }, pre, this.#view.root);
  }

  /** Narration between calls of tools is no answer, and stays as it is. */
  update(isNarration = false) {
    this.root.className = isNarration ? "answer-text narrated" : "answer-text";
    if (!isNarration) this.#timer ??= setTimeout(this.#draw, Math.max(0, this.#next - Date.now()));
  }

  #draw = () => {
    this.#timer = null;
    const took = this.#view.update(this.#pre.textContent);
    this.#next = Date.now() + Math.max(EVERY_MS, PAUSE * took);
  };
}
