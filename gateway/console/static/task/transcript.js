// The text of a running task, assembled from deltas and snapshots. The counterpart of
// protocol/transcript, with the same methods; both are tested with the same examples.
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

  /** Return the turns that are known, by number. */
  getTurns(id) {
    return this.#subtasks.get(id)?.turns ?? new Map();
  }

  /** Return the text of a turn, up to the first gap; of the last one, unless the model calls tools in it. */
  getText(id, kind = "text", turn = null) {
    const turns = this.getTurns(id);
    if (turn !== null) return turns.get(turn)?.[kind].text ?? "";
    const last = turns.get(Math.max(...turns.keys()));
    return !last || (kind === "text" && last.calls.size) ? "" : last[kind].text;
  }

  /** Apply a live delta, in any order; return the text that it appends. */
  applyDelta({ subtask_id: id, attempt, turn = 1, kind, offset, start = 0, delta }) {
    return this.#getSubtask(id).begin(attempt, turn, true)?.[kind].add(offset, delta, start) ?? "";
  }

  /** Apply that the text of a turn so far is not the answer; reasoning comes again as such. */
  applyAside({ subtask_id: id, attempt, turn, kind }) {
    if (kind === "reasoning") this.#getSubtask(id).begin(attempt, turn)?.text.retract();
  }

  /** Apply what is known of a tool call. */
  applyCall(call) {
    const known = this.#getSubtask(call.subtask_id);
    known.begin(call.attempt ?? known.attempt, call.turn)?.calls.set(call.call_id, call);
  }

  /** Apply the text of a turn of an attempt up to some point; `turn` is null if only the attempt is known. */
  applySnapshot({ subtask_id: id, attempt, turn = 1, text = "", reasoning = "" }) {
    const found = this.#getSubtask(id).begin(attempt, turn, (text || reasoning) !== "");
    found?.text.merge(text);
    found?.reasoning.merge(reasoning);
  }

  #getSubtask(id) {
    if (!this.#subtasks.has(id)) this.#subtasks.set(id, new SubtaskText());
    return this.#subtasks.get(id);
  }
}

class SubtaskText {
  attempt = 0;
  turns = new Map();

  get hasGap() {
    return this.turns.size < Math.max(0, ...this.turns.keys()) || [...this.turns.values()].some((each) => each.hasGap);
  }

  /** Return a turn of an attempt. A later attempt voids earlier ones, but for turns that it goes on after. */
  begin(attempt, turn, isSaid = false) {
    if (attempt > this.attempt) {
      this.attempt = attempt;
      for (const [number, each] of this.turns) {
        if (!each.calls.size || (turn !== null && isSaid && number >= turn)) this.turns.delete(number);
      }
    }
    if (attempt < this.attempt || turn === null) return undefined;
    const found = this.turns.get(turn);
    if (!found || (isSaid && found.attempt < attempt)) this.turns.set(turn, new TurnText(attempt));
    return this.turns.get(turn);
  }
}

class TurnText {
  text = new Buffer();
  reasoning = new Buffer();
  calls = new Map();

  constructor(attempt) {
    this.attempt = attempt;
  }

  get hasGap() {
    return this.text.hasGap || this.reasoning.hasGap;
  }
}

class Buffer {
  /** What was received. Retracted text has another array after it. */
  pieces = [];
  #length = 0;
  #pending = new Map();
  #start = null;

  get text() {
    return this.pieces.join("");
  }

  get hasGap() {
    return this.#pending.size > 0;
  }

  /** Add a delta; text before a higher `start` than before does not count. */
  add(offset, delta, start) {
    this.#start ??= start;
    if (start > this.#start) {
      this.retract();
      this.#start = start;
    }
    if (start < this.#start || offset < start || delta === "") return "";
    return this.#append(offset - start, delta);
  }

  retract() {
    [this.pieces, this.#length] = [[], 0];
    this.#pending.clear();
  }

  /** Add the whole text up to some point. */
  merge(whole) {
    return this.#append(0, whole);
  }

  #append(offset, delta) {
    this.#pending.set(offset, delta);
    let added = "";
    for (const start of [...this.#pending.keys()].sort((a, b) => a - b)) {
      if (start > this.#length) break;
      const fresh = [...this.#pending.get(start)].slice(this.#length - start);
      this.#pending.delete(start);
      this.#length += fresh.length;
      added += fresh.join("");
    }
    if (added) this.pieces.push(added);
    return added;
  }
}
