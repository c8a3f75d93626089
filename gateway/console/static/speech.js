// What subtasks say, as it comes. A new attempt begins anew: what the old one said is thrown away.

import { h } from "/console/dom.js";

export class Speech {
  #voices = new Map();
  #root;
  #nameOf;

  constructor(root, nameOf) {
    this.#root = root;
    this.#nameOf = nameOf;
  }

  get isSilent() {
    return this.#voices.size === 0;
  }

  /** Take a delta; `offset` says where it begins, so that what comes twice is shown once. */
  say(kind, { subtask_id: id, attempt, offset, delta }) {
    const voice = this.#voice(id);
    voice.begin(attempt);
    voice.say(kind, offset, delta);
  }

  discard({ subtask_id: id, attempt }) {
    this.#voices.get(id)?.begin(attempt);
  }

  /** Names are known later than the first words. */
  rename() {
    for (const [id, voice] of this.#voices) voice.rename(this.#nameOf(id));
  }

  finish() {
    this.#root.removeAttribute("aria-busy");
  }

  #voice(id) {
    let voice = this.#voices.get(id);
    if (!voice) {
      voice = new Voice(this.#nameOf(id));
      this.#voices.set(id, voice);
      this.#root.append(voice.root);
      this.#root.setAttribute("aria-busy", "true");
    }
    return voice;
  }
}

class Voice {
  #attempt = 0;
  #title = h("h4", {});
  #notice = h("p", { class: "note", hidden: true });
  #text = piece("text");
  #reasoning = piece("reasoning");
  #thinking = h("details", { class: "thinking", hidden: true }, h("summary", {}, "Reasoning"), this.#reasoning.root);
  root = h("article", { class: "voice" }, this.#title, this.#notice, this.#thinking, this.#text.root);

  constructor(name) {
    this.rename(name);
  }

  rename(name) {
    this.#title.textContent = name;
  }

  begin(attempt) {
    if (attempt <= this.#attempt) return;
    const hadSpoken = this.#text.length + this.#reasoning.length > 0;
    this.#attempt = attempt;
    this.#text.clear();
    this.#reasoning.clear();
    this.#thinking.hidden = true;
    this.#notice.hidden = !hadSpoken;
    if (hadSpoken) this.#notice.textContent = `The attempt before was cut off; its text was discarded. This is attempt ${attempt}.`;
  }

  say(kind, offset, delta) {
    (kind === "text" ? this.#text : this.#reasoning).add(offset, delta);
    if (kind === "reasoning") this.#thinking.hidden = false;
  }
}

function piece(name) {
  const root = h("pre", { class: name, tabindex: 0 });
  let characters = 0; // as the gateway counts: code points, not UTF-16 units
  let waiting = ""; // for the next frame: the browser lays out the whole text whenever some is added

  function paint() {
    const follows = root.scrollTop + root.clientHeight >= root.scrollHeight - 8;
    root.append(waiting);
    waiting = "";
    if (follows) root.scrollTop = root.scrollHeight;
  }

  return {
    root,
    get length() {
      return characters;
    },
    clear() {
      root.replaceChildren();
      waiting = "";
      characters = 0;
    },
    add(offset, delta) {
      const fresh = [...delta].slice(Math.max(0, characters - offset));
      if (fresh.length === 0) return;
      if (waiting === "") requestAnimationFrame(paint);
      waiting += fresh.join("");
      characters += fresh.length;
    },
  };
}
