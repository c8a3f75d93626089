// A stream from the gateway that reconnects automatically and continues after the last id.
// EventSource cannot send a key and does not report when it reconnects.
// A hidden page disconnects: browsers allow six connections for all pages of a gateway.

import { ApiError, askForKey, readError } from "/console/lib/api.js";
import { EventParser } from "/console/lib/event_parser.js";
import { buildHeaders, getKey, renew } from "/console/lib/session.js";

const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;
/** The gateway sends a comment every 5 s; after this long without one the connection is dead. */
const SILENCE_MS = 12_000;

export class Stream {
  #abort = new AbortController();
  #parser = new EventParser();
  #path;
  #handlers;
  #failures = 0;

  /** `handlers`: `onEvent(name, data)`, `onOpen()`, `onLost(retryAt)` and `onRefused(error)`. */
  constructor(path, handlers) {
    this.#path = path;
    this.#handlers = handlers;
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
      await waitUntilVisible();
      let over = false;
      try {
        over = await this.#connect();
      } catch {
        // After any error, reconnect and continue after the last id.
      }
      if (over || this.#stopped) return;
      this.#parser.reset();
      if (document.hidden) continue;
      const most = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** this.#failures++);
      const wait = most * (0.5 + Math.random() / 2);
      this.#handlers.onLost(Date.now() + wait);
      await this.#pause(wait);
    }
  }

  /** Read one connection to its end; return whether the stream itself has ended. */
  async #connect() {
    const connection = new AbortController();
    const cut = () => connection.abort();
    this.#abort.signal.addEventListener("abort", cut);
    document.addEventListener("visibilitychange", cut); // the page becomes hidden
    let watchdog = setTimeout(cut, SILENCE_MS);
    try {
      await renew();
      const key = getKey();
      const answer = await fetch(this.#path, {
        cache: "no-store",
        headers: { ...buildHeaders(), ...this.#buildLastId() },
        signal: connection.signal,
      });
      if (answer.status === 204) return true;
      if (!answer.ok) return await this.#handleFailure(answer, key);
      this.#failures = 0;
      this.#handlers.onOpen();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.#stopped) return this.#stopped;
        clearTimeout(watchdog);
        watchdog = setTimeout(cut, SILENCE_MS);
        for (const { event, data } of this.#parser.push(value)) {
          if (event === "refused") return await this.#handleRefusal(data, key);
          this.#handlers.onEvent(event, data);
          if (event === "end") return true;
        }
      }
    } finally {
      clearTimeout(watchdog);
      this.#abort.signal.removeEventListener("abort", cut);
      document.removeEventListener("visibilitychange", cut);
    }
  }

  #buildLastId() {
    return this.#parser.lastId ? { "Last-Event-ID": this.#parser.lastId } : {};
  }

  async #handleFailure(answer, key) {
    if (answer.status === 429 || answer.status >= 500) return false;
    if (answer.status === 401 && (await this.#isRenewed(key))) return false;
    this.#handlers.onRefused(await readError(answer));
    return true;
  }

  /** While the stream was open, the key was revoked or has expired, or its holder may see something else now (403). */
  async #handleRefusal(problem, key) {
    if (problem.status === 403) return false; // the next answer says what there is to see
    if (await this.#isRenewed(key)) return false;
    const error = new ApiError(problem.status, problem);
    askForKey(error);
    this.#handlers.onRefused(error);
    return true;
  }

  /** Return whether there is another key than the refused one: a user's session was renewed. */
  async #isRenewed(key) {
    await renew();
    return getKey() !== key && getKey() !== null;
  }

  #pause(wait) {
    return new Promise((done) => {
      const timer = setTimeout(done, wait);
      this.#abort.signal.addEventListener("abort", () => (clearTimeout(timer), done()));
    });
  }
}

/** Wait until the page is visible. */
function waitUntilVisible() {
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
