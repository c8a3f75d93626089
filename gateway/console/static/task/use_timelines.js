// The times of a task and of its child tasks, read while they change.

import { get } from "/console/lib/api.js";
import { isOver } from "/console/lib/format.js";
import { useEffect, useRef, useState } from "/console/vendor/preact.js";

/** Of more child tasks those are read whose row is unfolded. */
const READ_UNASKED = 8;
const SHORTEST_MS = 700;
/** Reading takes at most one part in so many of the time. */
const PAUSE = 4;
const LATER_MS = 2_000;
const TICK_MS = 1_000;
const MANY = 1_000;
const MANY_TICK_MS = 5_000;

/**
 * Return `{ tasks, error }`: `tasks` maps the id of a task to its `details` and `timeline`, for the task of `details`
 * and its child tasks; of many only those in `wanted`, a set of ids.
 */
export function useTimelines(details, wanted) {
  const [state, setState] = useState({ tasks: new Map(), error: null });
  const reader = useRef(null);
  const id = details.task.id;
  useEffect(() => {
    reader.current = new Reader(setState);
    return () => reader.current.stop();
  }, [id]);
  useEffect(() => reader.current.update(details, wanted), [details, wanted, id]);
  return state;
}

/** Return how often to draw what runs: seldom if `count` things are drawn for it. */
export const chooseTick = (count) => (count > MANY ? MANY_TICK_MS : TICK_MS);

class Reader {
  #onChange;
  #known = new Map();
  #details = null;
  #wanted = new Set();
  #isDirty = false;
  #isReading = false;
  #isStopped = false;
  #timer = null;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  update(details, wanted) {
    this.#details = details;
    this.#wanted = wanted;
    this.#isDirty = true;
    this.#run();
  }

  async #run() {
    if (this.#isReading) return;
    this.#isReading = true;
    let error = null;
    while (this.#isDirty && !this.#isStopped) {
      this.#isDirty = false;
      error = null;
      const begin = performance.now();
      try {
        await this.#readAll();
      } catch (problem) {
        error = problem;
      }
      if (this.#isStopped) return;
      this.#onChange({ tasks: new Map(this.#known), error });
      await new Promise((done) => setTimeout(done, Math.max(SHORTEST_MS, PAUSE * (performance.now() - begin))));
    }
    this.#isReading = false;
    const [, ...children] = this.#known.values();
    // Child tasks change without a word to the page of their parent.
    if (error || children.some((each) => !isOver(each.details.task.status))) this.#readLater();
  }

  #readLater() {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#isDirty = !document.hidden;
      if (this.#isDirty) this.#run();
      else this.#readLater();
    }, LATER_MS);
  }

  async #readAll() {
    await this.#read(this.#details.task.id, this.#details);
    const queue = this.#listChildren(this.#details);
    const isFew = queue.length <= READ_UNASKED;
    while (queue.length && !this.#isStopped) {
      const id = queue.shift();
      const known = this.#known.get(id);
      if (!known && !this.#wanted.has(id) && !(isFew && this.#known.size <= 2 * READ_UNASKED)) continue;
      if (!known || !isOver(known.details.task.status)) await this.#read(id, null);
      queue.push(...this.#listChildren(this.#known.get(id).details));
    }
  }

  #listChildren(details) {
    return details.subtasks.map((each) => each.child_task_id).filter(Boolean);
  }

  async #read(id, details) {
    const before = this.#known.get(id)?.timeline;
    const after = before?.events.at(-1)?.seq ?? 0;
    const [read, timeline] = await Promise.all([details ?? get(`/tasks/${id}`), get(`/tasks/${id}/timeline?after=${after}`)]);
    if (before) timeline.events = [...before.events, ...timeline.events];
    this.#known.set(id, { details: read, timeline });
  }
}
