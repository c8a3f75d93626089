// The page of tasks that is shown: read from the gateway, and kept up to date by the stream of the list.

import { get } from "/console/lib/api.js";
import { byId } from "/console/lib/dom.js";
import { firstLine, isOver } from "/console/lib/format.js";
import { buildPage, hasFilters } from "/console/tasks/filters.js";
import { useEffect, useState } from "/console/vendor/preact.js";

const EVERY_MS = 1_500;
const RETRY_MS = 4_000;

const listeners = new Set();

/** Hand on what the stream of the list says: the whole list, or new and changed lines. */
export function publishLines(lines, isWhole) {
  for (const listen of listeners) listen(lines, isWhole);
  const ended = isWhole ? null : lines.find((line) => isOver(line.status));
  if (ended) byId("ended-task").textContent = `Task ${firstLine(ended.prompt, 60)}: ${ended.status}`;
}

/** Read the tasks of an address. `isBusy()` tells whether rows may not move now. */
export function useTasks(text, isBusy) {
  const [state, setState] = useState({ ...EMPTY, text: null });
  useEffect(() => {
    const reader = new Reader(text, isBusy, setState);
    listeners.add(reader.apply);
    return () => {
      listeners.delete(reader.apply);
      reader.close();
    };
  }, [text]);
  return state.text === text ? state : { ...EMPTY, tasks: state.tasks, next: state.next, newer: state.newer, isStale: true };
}

/** `isStale`: the rows are those of the address before, until the others are read. */
const EMPTY = { tasks: null, next: null, newer: null, error: null, fresh: 0, isStale: false, showFresh: () => {}, reload: () => {} };

/** Return `before` of the page that is just newer than a page with `newer`; null if that is the newest page. */
export async function findNewer(query, newer) {
  for (let after = newer; after !== null; ) {
    const values = new URLSearchParams(query);
    values.delete("before");
    const page = await get(`/tasks?${buildPage(values)}&after=${after}`);
    after = page.newer;
    // A page may be empty though there are newer tasks.
    if (after !== null && page.tasks.length) return page.tasks[0].seq + 1;
  }
  return null;
}

class Reader {
  #query;
  #isBusy;
  #onChange;
  #state;
  #later = null; // what was read while rows could not move
  #newest = null;
  #newSeqs = new Set();
  #timer = null;
  #readAt = -Infinity;
  #isReading = false;
  #isClosed = false;

  constructor(text, isBusy, onChange) {
    this.#query = new URLSearchParams(text);
    this.#isBusy = isBusy;
    this.#onChange = onChange;
    this.#state = { ...EMPTY, text, showFresh: () => this.#showFresh(), reload: () => this.#read() };
    this.#read();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Take what the stream says: rows that are shown change in place, and new ones are looked for. */
  apply = (lines, isWhole) => {
    const { tasks } = this.#state;
    const byId = new Map(lines.map((line) => [line.id, line]));
    if (tasks?.some((task) => byId.has(task.id))) {
      this.#set({ tasks: tasks.map((task) => (byId.has(task.id) ? { ...task, ...byId.get(task.id) } : task)) });
    }
    // A line has neither tokens nor an error, which are known at the end.
    if (tasks?.some((task) => !isOver(task.status) && isOver(byId.get(task.id)?.status))) this.#schedule(EVERY_MS);
    const newest = lines.reduce((most, line) => Math.max(most, line.seq), 0);
    if (!this.#isPaged) {
      const known = tasks?.[0]?.seq ?? 0;
      if (newest > known || hasFilters(this.#query)) this.#schedule(EVERY_MS);
    } else if (!hasFilters(this.#query)) {
      this.#countNew(lines, newest, isWhole);
    }
  };

  get #isPaged() {
    return this.#query.has("before");
  }

  #countNew(lines, newest, isWhole) {
    if (this.#newest === null || isWhole) this.#newest ??= newest;
    for (const line of lines) if (line.seq > this.#newest) this.#newSeqs.add(line.seq);
    if (this.#newSeqs.size !== this.#state.fresh) this.#set({ fresh: this.#newSeqs.size });
  }

  #set(changes) {
    this.#state = { ...this.#state, ...changes };
    if (!this.#isClosed) this.#onChange(this.#state);
  }

  #schedule(ms) {
    if (this.#timer !== null || this.#isClosed) return;
    const wait = Math.max(0, this.#readAt + ms - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (document.hidden) this.#schedule(RETRY_MS);
      else this.#read();
    }, wait);
  }

  async #read() {
    if (this.#isReading) return void this.#schedule(EVERY_MS);
    this.#isReading = true;
    try {
      const answer = await get(`/tasks?${buildPage(this.#query)}`);
      this.#take(answer);
    } catch (error) {
      this.#set({ error });
      if (error.status === 0 || error.status === 429 || error.status >= 500) this.#schedule(RETRY_MS);
    } finally {
      this.#isReading = false;
      this.#readAt = performance.now();
    }
  }

  #take(answer) {
    const { tasks } = this.#state;
    if (tasks === null || !this.#isBusy()) {
      this.#later = null;
      this.#set({ tasks: answer.tasks, next: answer.next, newer: answer.newer, error: null, fresh: this.#isPaged ? this.#state.fresh : 0 });
      return;
    }
    const read = new Map(answer.tasks.map((task) => [task.id, task]));
    const known = new Set(tasks.map((task) => task.id));
    const fresh = answer.tasks.filter((task) => !known.has(task.id)).length;
    this.#later = fresh ? answer : null;
    this.#set({ tasks: tasks.map((task) => read.get(task.id) ?? task), error: null, fresh: this.#isPaged ? this.#state.fresh : fresh });
  }

  #showFresh() {
    if (!this.#later) return;
    const { tasks, next, newer } = this.#later;
    this.#later = null;
    this.#set({ tasks, next, newer, fresh: 0 });
  }
}
