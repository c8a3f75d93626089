// One turn of a model: its reasoning, its text, and the tools that it calls. The text of a turn that
// calls tools, or that another turn follows, is narration and not the answer.

import { CallView } from "/console/task/call_view.js";
import { h } from "/console/lib/dom.js";
import { AnswerText } from "/console/task/answer_text.js";
import { formatSaid } from "/console/task/said.js";

const MOST = 20_000; // characters of data that are shown as lines

export class TurnView {
  #text;
  #answer;
  #reasoning = new TextBlock("reasoning");
  #thinking = h("details", { class: "thinking", hidden: true }, h("summary", {}, "Reasoning"), this.#reasoning.root);
  #list = h("ul", { class: "calls", "aria-label": "Tool calls", hidden: true });
  #calls = new Map();
  root;

  constructor(number, turn, isReadable) {
    this.turn = turn;
    this.#text = new TextBlock("text", isReadable);
    this.#answer = isReadable ? null : new AnswerText(this.#text.root);
    const text = this.#answer?.root ?? this.#text.root;
    this.root = h("div", { class: "turn", role: "group", "aria-label": `Turn ${number}` }, this.#thinking, text, this.#list);
  }

  get isRunning() {
    return [...this.#calls.values()].some((each) => each.isRunning);
  }

  update(isLast, getCallState, isLive) {
    this.#reasoning.update(this.turn.reasoning.pieces);
    this.#text.update(this.turn.text.pieces);
    this.#thinking.hidden = this.turn.reasoning.pieces.length === 0;
    const isNarration = !isLast || this.turn.calls.size > 0;
    this.#text.root.className = isNarration ? "narration" : "text";
    this.#text.root.hidden = this.turn.text.pieces.length === 0;
    this.#answer?.update(isNarration);
    this.#list.hidden = this.turn.calls.size === 0;
    for (const [id, call] of this.turn.calls) {
      if (!this.#calls.has(id)) {
        this.#calls.set(id, new CallView());
        this.#list.append(this.#calls.get(id).root);
      }
      this.#calls.get(id).update(call, getCallState, isLive);
    }
  }
}

/** Text to which more is appended: the browser does not lay out again what is there. */
class TextBlock {
  #pieces = null;
  #shown = 0;
  #isReadable;
  root;

  constructor(name, isReadable = false) {
    this.#isReadable = isReadable;
    this.root = h("pre", { class: name, tabindex: 0 });
  }

  update(pieces) {
    if (this.#isReadable && /^\s*({|```json)/.test(pieces[0] ?? "")) this.#draw(formatSaid(pieces.join("").slice(0, MOST)));
    else this.#append(pieces);
  }

  #draw(text) {
    if (this.root.textContent === text) return;
    const follows = this.#follows();
    this.root.textContent = text;
    if (follows) this.root.scrollTop = this.root.scrollHeight;
  }

  #follows() {
    return this.root.scrollTop + this.root.clientHeight >= this.root.scrollHeight - 8;
  }

  #append(pieces) {
    if (pieces !== this.#pieces) {
      this.root.replaceChildren();
      [this.#pieces, this.#shown] = [pieces, 0];
    }
    if (this.#shown === pieces.length) return;
    const follows = this.#follows();
    this.root.append(pieces.slice(this.#shown).join(""));
    this.#shown = pieces.length;
    if (follows) this.root.scrollTop = this.root.scrollHeight;
  }
}
