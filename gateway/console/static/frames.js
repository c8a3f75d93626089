// Server-sent events, read from text that comes in any pieces.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

export class Frames {
  #rest = "";
  #event = "message";
  #data = [];
  /** The last id, for `Last-Event-ID`; a frame without one does not change it. */
  lastId = "";
  #id = null;

  /** Take a piece of the stream; give the frames that it completes. */
  push(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop();
    const found = [];
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line !== "") this.#field(line);
      else this.#finish(found);
    }
    return found;
  }

  /** Forget what is incomplete: the connection is gone. */
  cut() {
    this.#rest = "";
    this.#clear();
  }

  #field(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: a heartbeat
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }

  #finish(found) {
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
