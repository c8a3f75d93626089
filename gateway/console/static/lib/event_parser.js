// A parser of server-sent events.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

export class EventParser {
  #rest = "";
  #event = "message";
  #data = [];
  /** The last id, for `Last-Event-ID`; an event without one does not change it. */
  lastId = "";
  #id = null;

  /** Parse a piece of the stream; return the events that it completes. */
  push(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop();
    const found = [];
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line !== "") this.#parseField(line);
      else this.#finishEvent(found);
    }
    return found;
  }

  /** Discard an incomplete event: the connection was lost. */
  reset() {
    this.#rest = "";
    this.#clear();
  }

  #parseField(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: a heartbeat
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }

  #finishEvent(found) {
    if (this.#id !== null) this.lastId = this.#id;
    if (this.#data.length > 0) {
      found.push({ event: this.#event, data: JSON.parse(this.#data.join("\n")) });
    }
    this.#clear();
  }

  #clear() {
    this.#event = "message";
    this.#data = [];
    this.#id = null;
  }
}
