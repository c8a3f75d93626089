// A stream of the gateway that comes back by itself, from the last id on.
// EventSource would do, but it cannot send a key and does not say when it tries again.
// A page that nobody sees lets go of its line: a browser has six for all pages of a gateway.

import { Refused, askForKey, headers, refusal } from "/console/api.js";
import { Frames } from "/console/frames.js";

const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;
/** The gateway sends a comment every 15 s; after this long without one the line is dead. */
const SILENCE_MS = 40_000;

export class Stream {
  #abort = new AbortController();
  #frames = new Frames();
  #path;
  #told;
  #failures = 0;

  /** `told` has `frame(name, data)`, `open()`, `lost(retryAt)` and `refused(error)`. */
  constructor(path, told) {
    this.#path = path;
    this.#told = told;
    this.#run();
  }

  stop() {
    this.#abort.abort("stopped");
  }

  get #stopped() {
    return this.#abort.signal.aborted;
  }

  async #run() {
    while (!this.#stopped) {
      await seen();
      let over = false;
      try {
        over = await this.#once();
      } catch {
        // Whatever broke it, the answer is the same: come back from the last id.
      }
      if (over || this.#stopped) return;
      this.#frames.cut();
      if (document.hidden) continue;
      const most = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** this.#failures++);
      const wait = most * (0.5 + Math.random() / 2);
      this.#told.lost(Date.now() + wait);
      await this.#pause(wait);
    }
  }

  /** Follow one connection to its end; whether that was the end of the stream. */
  async #once() {
    const line = new AbortController();
    const cut = () => line.abort();
    this.#abort.signal.addEventListener("abort", cut);
    document.addEventListener("visibilitychange", cut); // it was seen until now
    let watchdog = setTimeout(cut, SILENCE_MS);
    try {
      const answer = await fetch(this.#path, {
        cache: "no-store",
        headers: { ...headers(), ...this.#place() },
        signal: line.signal,
      });
      if (answer.status === 204) return true;
      if (!answer.ok) return await this.#judge(answer);
      this.#failures = 0;
      this.#told.open();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.#stopped) return this.#stopped;
        clearTimeout(watchdog);
        watchdog = setTimeout(cut, SILENCE_MS);
        for (const { event, data } of this.#frames.push(value)) {
          if (event === "refused") return this.#refuse(data);
          this.#told.frame(event, data);
          if (event === "end") return true;
        }
      }
    } finally {
      clearTimeout(watchdog);
      this.#abort.signal.removeEventListener("abort", cut);
      document.removeEventListener("visibilitychange", cut);
    }
  }

  #place() {
    return this.#frames.lastId ? { "Last-Event-ID": this.#frames.lastId } : {};
  }

  async #judge(answer) {
    if (answer.status === 429 || answer.status >= 500) return false;
    this.#told.refused(await refusal(answer));
    return true;
  }

  /** The key was revoked, or has run out, while the stream was open. */
  #refuse(problem) {
    const refused = new Refused(problem.status, problem);
    askForKey(refused);
    this.#told.refused(refused);
    return true;
  }

  #pause(wait) {
    return new Promise((done) => {
      const timer = setTimeout(done, wait);
      this.#abort.signal.addEventListener("abort", () => (clearTimeout(timer), done()));
    });
  }
}

/** Wait until somebody sees the page. */
function seen() {
  return new Promise((done) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      done();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}
