// The answer of a task while it is written, of the events of its stream. Pure.

import { Transcript } from "/console/task/transcript.js";

export class LiveAnswer {
  #transcript = new Transcript();
  #answering = null;
  #before = new Set();

  apply(name, data) {
    const { subtask_id: id } = data;
    if (name === "text" || name === "reasoning") {
      if (this.#before.has(id)) return;
      if (this.#answering !== id) {
        if (this.#answering) this.#before.add(this.#answering);
        this.#answering = id;
      }
      this.#transcript.applyDelta({ kind: name, ...data });
    } else if (name === "aside") this.#transcript.applyAside(data);
    else if (name === "tool_call" && data.answer) this.#transcript.applyCall(data);
    else if (name === "discard") this.#transcript.applySnapshot({ ...data, turn: null });
  }

  /** The text of the newest step that answers. */
  get text() {
    return this.#answering ? this.#transcript.getText(this.#answering) : "";
  }
}
