// One turn of a model: its reasoning, its text, and the tools that it calls. The text of a turn that
// calls tools, or that another turn follows, is narration and not the answer.

import { CallView } from "/console/call_view.js";
import { h } from "/console/dom.js";

export class TurnView {
  #text = new TextBlock("text");
  #reasoning = new TextBlock("reasoning");
  #thinking = h("details", { class: "thinking", hidden: true }, h("summary", {}, "Reasoning"), this.#reasoning.root);
  #list = h("ul", { class: "calls", "aria-label": "Tool calls", hidden: true });
  #calls = new Map();
  root;

  constructor(number, turn) {
    this.turn = turn;
    this.root = h("section", { class: "turn", "aria-label": `Turn ${number}` }, this.#thinking, this.#text.root, this.#list);
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
  root;

  constructor(name) {
    this.root = h("pre", { class: name, tabindex: 0 });
  }

  update(pieces) {
    if (pieces !== this.#pieces) {
      this.root.replaceChildren();
      [this.#pieces, this.#shown] = [pieces, 0];
    }
    if (this.#shown === pieces.length) return;
    const follows = this.root.scrollTop + this.root.clientHeight >= this.root.scrollHeight - 8;
    this.root.append(pieces.slice(this.#shown).join(""));
    this.#shown = pieces.length;
    if (follows) this.root.scrollTop = this.root.scrollHeight;
  }
}
