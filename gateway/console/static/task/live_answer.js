// The answer of a task while it is written, of the events of its stream. Pure.

import { Transcript } from "/console/task/transcript.js";

/** The text and the calls of the newest step that answers. */
export class LiveAnswer {
  /** The step that answers; null before it has said something. */
  stepId = null;
  /** What became of an earlier attempt, in a sentence. */
  notice = null;
  isEnded = false;
  #transcript = new Transcript();
  #before = new Set();

  get turns() {
    return this.#transcript.getTurns(this.stepId);
  }

  /** The pieces of the text of the last turn; none if it calls tools. */
  get pieces() {
    const { turns } = this;
    const last = turns.get(Math.max(...turns.keys()));
    return last && !last.calls.size ? last.text.pieces : [];
  }

  get text() {
    return this.pieces.join("");
  }

  apply(name, data) {
    if (name === "text" || name === "reasoning") this.#applyDelta({ kind: name, ...data });
    else if (name === "tool_call" && data.answer && this.#supersede(data.subtask_id)) this.#transcript.applyCall(data);
    else if (name === "aside" && data.subtask_id === this.stepId) this.#transcript.applyAside(data);
    else if (name === "discard" && data.subtask_id === this.stepId) this.#beginAttempt(data);
    else if (name === "end") this.isEnded = true;
  }

  #applyDelta(delta) {
    if (!this.#supersede(delta.subtask_id)) return;
    this.#beginAttempt(delta);
    this.#transcript.applyDelta(delta);
  }

  /** Make a step the one that answers; return whether it is. */
  #supersede(id) {
    if (this.#before.has(id)) return false;
    if (this.stepId === id) return true;
    if (this.stepId !== null) this.#before.add(this.stepId);
    [this.stepId, this.notice] = [id, null];
    return true;
  }

  #beginAttempt(data) {
    const notice = beginAttempt(this.#transcript, data);
    if (notice !== undefined) this.notice = notice;
  }
}

/** Begin an attempt; return what became of the one before, null if it had said nothing, undefined if none begins. */
export function beginAttempt(transcript, { subtask_id: id, attempt }) {
  const before = transcript.getAttempt(id);
  if (attempt <= before) return undefined;
  const hadText = [...transcript.getTurns(id).values()].some((each) => !each.calls.size && each.text.text + each.reasoning.text !== "");
  transcript.applySnapshot({ subtask_id: id, attempt, turn: null });
  const kept = transcript.getTurns(id).size;
  if (before === 0 || (!hadText && !kept)) return null;
  const lost = hadText ? "The previous attempt was interrupted, and its text was discarded." : "The previous attempt was interrupted.";
  return `${lost} ${kept ? `Attempt ${attempt} goes on after what was stored.` : `This is attempt ${attempt}.`}`;
}
