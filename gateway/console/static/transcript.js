// The text of a running task, assembled from deltas and snapshots. The counterpart of
// protocol/transcript.py, with the same methods; both are tested with the same examples.
// Offsets count code points, as Python does, not UTF-16 units.

export class Transcript {
  #subtasks = new Map();

  /** Whether a delta was received and the text before it was not. */
  get hasGap() {
    return [...this.#subtasks.values()].some((each) => each.hasGap);
  }

  getAttempt(id) {
    return this.#subtasks.get(id)?.attempt ?? 0;
  }

  /** Return the text of the latest attempt, up to the first gap. */
  getText(id, kind = "text") {
    return this.#subtasks.get(id)?.[kind].text ?? "";
  }

  /** Apply a live delta, in any order; return the text that it appends. */
  applyDelta({ subtask_id: id, attempt, kind, offset, delta }) {
    return this.#beginAttempt(id, attempt)?.[kind].add(offset, delta) ?? "";
  }

  /** Apply the whole text of an attempt up to some point; it may be empty. */
  applySnapshot({ subtask_id: id, attempt, text = "", reasoning = "" }) {
    const known = this.#beginAttempt(id, attempt);
    known?.text.add(0, text);
    known?.reasoning.add(0, reasoning);
  }

  #beginAttempt(id, attempt) {
    if (attempt > this.getAttempt(id)) this.#subtasks.set(id, new AttemptText(attempt));
    const known = this.#subtasks.get(id);
    return known?.attempt === attempt ? known : undefined;
  }
}

class AttemptText {
  text = new Buffer();
  reasoning = new Buffer();

  constructor(attempt) {
    this.attempt = attempt;
  }

  get hasGap() {
    return this.text.hasGap || this.reasoning.hasGap;
  }
}

class Buffer {
  #pieces = [];
  #length = 0;
  #pending = new Map();

  get text() {
    return this.#pieces.join("");
  }

  get hasGap() {
    return this.#pending.size > 0;
  }

  add(offset, delta) {
    this.#pending.set(offset, delta);
    let added = "";
    for (const start of [...this.#pending.keys()].sort((a, b) => a - b)) {
      if (start > this.#length) break;
      const fresh = [...this.#pending.get(start)].slice(this.#length - start);
      this.#pending.delete(start);
      this.#length += fresh.length;
      added += fresh.join("");
    }
    if (added) this.#pieces.push(added);
    return added;
  }
}
