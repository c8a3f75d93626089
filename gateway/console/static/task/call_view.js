// One call of a tool: a line with its state, which opens to show the arguments and the result.

import { h, show } from "/console/lib/dom.js";
import { milliseconds } from "/console/lib/format.js";
import { buildJson, buildText, clip, describeValue } from "/console/lib/json_view.js";

const MOST = 120; // characters of the arguments in the line
const buildHint = () => [h("code", {}, "cogo show TASK --turns"), " prints all."];
const LABELS = {
  ok: ["completed", "ok"],
  error: ["failed", "error"],
  refused: ["failed", "refused"],
  unknown: ["waiting", "unknown outcome"],
  running: ["running", "running"],
  asking: ["waiting", "waits for an answer"],
  waiting: ["waiting", "waits"],
  ended: ["", "no result"],
};

export class CallView {
  #state = h("span", {});
  #name = h("span", { class: "tool" });
  #brief = h("span", { class: "brief" });
  #time = h("span", { class: "figure" });
  #body = h("div", { class: "step" });
  #details = h(
    "details",
    { ontoggle: () => this.#drawBody() },
    h("summary", {}, this.#name, this.#brief, this.#time, this.#state),
    this.#body,
  );
  #call = null;
  #drawn = null;
  #began = null;
  isRunning = false;
  root = h("li", {}, this.#details);

  /** `isLive`: whether a new call has just begun. */
  update(call, getCallState, isLive) {
    const state = call.status === "called" ? getCallState(call) : call.status;
    const [color, label] = call.rejected ? ["failed", `rejected: ${clip(call.rejected, 50)}`] : LABELS[state] ?? ["", String(call.status)];
    if (state === "running" && !this.isRunning) this.#began = this.#findBegin(call, isLive);
    this.isRunning = state === "running";
    this.#state.className = `status ${color}`;
    this.#state.textContent = label;
    if (this.#call !== call) {
      this.#call = call;
      this.#name.textContent = clip(call.tool, 200);
      this.#brief.textContent = describeArguments(call);
    }
    this.#time.textContent = this.#describeTime();
    this.#drawBody();
  }

  /** Return when a call began to run: now, or as it was stored if it ran before this page knew it. */
  #findBegin({ started_at: stored }, isLive) {
    if (this.#call || isLive) return Date.now();
    return stored ? Date.parse(stored) : null;
  }

  #describeTime() {
    if (!this.isRunning) return this.#call.duration_ms ? milliseconds(this.#call.duration_ms) : "";
    return this.#began === null ? "" : `${Math.max(0, Math.round((Date.now() - this.#began) / 1000))} s`;
  }

  #drawBody() {
    if (!this.#details.open || this.#drawn === this.#call) return;
    this.#drawn = this.#call;
    show(this.#body, ...buildArguments(this.#call), ...buildResult(this.#call));
  }
}

function describeArguments({ arguments: given, cut }) {
  if (!given) return cut ? "(long)" : "";
  const parts = Object.entries(given).slice(0, 10).map(([name, value]) => `${name}: ${describeValue(value)}`);
  return clip(parts.join(", "), MOST);
}

function buildArguments({ arguments: given, cut }) {
  if (cut) return [h("p", { class: "note" }, "They are too long to be shown here. ", ...buildHint())];
  if (!given) return [h("p", { class: "note" }, "The arguments cannot be read.")];
  if (!Object.keys(given).length) return [h("p", { class: "note" }, "Without arguments.")];
  return [h("h5", {}, "Arguments"), buildJson(given)];
}

function buildResult({ summary, size, status }) {
  if (status === "called") return [];
  const text = summary ?? "";
  const isCut = size !== null && size > [...text].length;
  const note = isCut ? h("p", { class: "note" }, `The beginning of ${size.toLocaleString("en")} characters. `, ...buildHint()) : null;
  const data = isCut ? undefined : parseData(text);
  return [h("h5", {}, status === "ok" ? "Result" : "What was said"), data === undefined ? buildText(text) : buildJson(data), note].filter(Boolean);
}

/** Return an object or a list that a text is, else undefined. */
function parseData(text) {
  try {
    const found = JSON.parse(text);
    return typeof found === "object" && found !== null ? found : undefined;
  } catch {
    return undefined;
  }
}
