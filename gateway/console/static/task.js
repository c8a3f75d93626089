// One task: its rows, read again whenever its stream says that something happened, and its text.

import { get, post } from "/console/api.js";
import { byId, h, show } from "/console/dom.js";
import { between, cost, count, explained, firstLine, isOver, moment, money } from "/console/format.js";
import { drawing } from "/console/graph.js";
import { attempts, choices, history } from "/console/ledger.js";
import { Speech } from "/console/speech.js";
import { Stream } from "/console/stream.js";

export class TaskView {
  #id;
  #told;
  #stream;
  #speech;
  #details = null;
  #events = new Map();
  #reading = false;
  #stale = false;
  #gone = false;
  #status = null;
  #parts = sections();

  /** `told` has `open()` and `lost(retryAt)`: how the line to the gateway is. */
  constructor(id, told) {
    this.#id = id;
    this.#told = told;
    this.#speech = new Speech(this.#parts.answer, (subtask) => this.#nameOf(subtask));
    show(byId("detail"), h("p", { class: "note" }, "Loading the task."));
    this.#read();
    this.#stream = new Stream(`/tasks/${id}/events`, {
      frame: (name, data) => this.#take(name, data),
      open: () => (this.#told.open(), this.#read()),
      lost: (retryAt) => this.#told.lost(retryAt),
      refused: (error) => this.#fail(error),
    });
  }

  close() {
    this.#gone = true;
    this.#stream.stop();
  }

  #take(name, data) {
    if (this.#gone) return;
    if (name === "text" || name === "reasoning") this.#speech.say(name, data);
    else if (name === "discard") this.#speech.discard(data);
    else if (name === "event") this.#events.set(data.seq, data);
    if (name === "end") this.#speech.finish();
    if (name === "event" || name === "selection" || name === "end") this.#read();
    else if (this.#details) this.#parts.answerNote.hidden = true;
  }

  /** Read the rows; whatever happens meanwhile makes it read once more. */
  async #read() {
    this.#stale = true;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#stale && !this.#gone) {
        this.#stale = false;
        this.#details = await get(`/tasks/${this.#id}`);
        if (!this.#gone) this.#draw();
      }
    } catch (error) {
      // Unreachable: the stream says so and comes back, and then it is read again.
      if (error.status !== 0 && error.status < 500) this.#fail(error);
    } finally {
      this.#reading = false;
    }
  }

  #fail(error) {
    if (this.#gone) return;
    show(byId("detail"), h("p", { class: "problem", role: "alert" }, error.message));
  }

  #nameOf(subtaskId) {
    const row = this.#details?.subtasks.find((each) => each.id === subtaskId);
    if (!row) return "working";
    return row.lane === "cio" ? row.key : `${row.key} · ${row.params?.model_id ?? row.lane}`;
  }

  #keyOf = (subtaskId) =>
    this.#details.subtasks.find((each) => each.id === subtaskId)?.key ?? "subtask";

  #draw() {
    const { task, subtasks, attempts: rows, selections } = this.#details;
    const parts = this.#parts;
    const detail = byId("detail");
    if (parts.root.parentNode !== detail) show(detail, parts.root);
    document.title = `${firstLine(task.prompt, 40)} · ${task.status} · COGO`;
    parts.prompt.textContent = task.prompt;
    parts.status.className = `status ${task.status}`;
    parts.status.textContent = task.status;
    show(parts.facts, facts(task));
    if (this.#status !== task.status) show(parts.actions, actions(task));
    this.#status = task.status;
    parts.simulated.hidden = !task.simulated;
    const unreadable = Object.entries(task.unreadable ?? {}).map(([column, why]) => `${column} cannot be read: ${why}`);
    parts.problem.hidden = !task.error && !unreadable.length;
    parts.problem.textContent = [explained(task.error), ...unreadable].filter(Boolean).join(" – ");
    show(parts.plan, drawing(subtasks));
    show(parts.attempts, rows.length ? attempts(rows, this.#keyOf) : note("Nobody has claimed it yet."));
    show(parts.choices, selections.length ? choices(selections, task.simulated) : note("No model was chosen yet."));
    const events = [...this.#events.values()].sort((a, b) => a.seq - b.seq);
    show(parts.history, history(events, this.#keyOf));
    this.#speech.rename();
    parts.answerNote.hidden = !this.#speech.isSilent;
    parts.answerNote.textContent = isOver(task.status) ? "No text was kept." : "Nothing was said yet.";
  }
}

const note = (text) => h("p", { class: "note" }, text);

function sections() {
  const parts = {
    prompt: h("p", { class: "prompt", tabindex: 0 }),
    status: h("span", {}),
    simulated: h("p", { class: "note simulated", hidden: true }, "The vendor simulator answered. No model was asked, and nothing was spent."),
    facts: h("dl", { class: "facts" }),
    actions: h("p", { class: "actions" }),
    problem: h("p", { class: "problem", hidden: true }),
    plan: h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Plan" }),
    answerNote: note(""),
    answer: h("div", { id: "answer" }),
    attempts: h("div", {}),
    choices: h("div", {}),
    history: h("div", {}),
  };
  parts.root = h(
    "div",
    {},
    h("a", { class: "back", href: "#/" }, "‹ All tasks"),
    h("header", {}, h("p", { role: "status" }, parts.status), parts.actions),
    parts.prompt,
    parts.problem,
    parts.simulated,
    parts.facts,
    h("div", { class: "pair" }, section("Plan", parts.plan), section("Choice of models", parts.choices)),
    section("Answer", parts.answerNote, parts.answer),
    section("Attempts", parts.attempts),
    h("details", { class: "section" }, h("summary", {}, "History"), parts.history),
  );
  return parts;
}

function section(title, ...children) {
  return h("section", { class: "section", "aria-label": title }, h("h3", {}, title), ...children);
}

function facts(task) {
  const budget = Number(task.budget_usd);
  const tokens = `${count(task.input_tokens + task.cached_tokens)} read, ${count(task.output_tokens)} written`;
  return [
    fact("Type", task.type),
    fact("Model", task.model ?? "auto"),
    fact("Preference", task.preferences?.preference ?? "balanced"),
    fact("Asked", moment(task.created_at)),
    fact("Took", between(task.created_at, task.finished_at)),
    fact("Tokens", tokens),
    fact(
      "Cost",
      task.budget_usd === null ? cost(task) : `${cost(task)} of ${money(budget)}`,
      budget > 0
        ? h("meter", { min: 0, max: budget, high: budget * 0.8, value: Number(task.cost_usd ?? 0), "aria-label": "Cost against budget" })
        : null,
    ),
    fact("Id", h("code", {}, task.id)),
  ];
}

function thank(button) {
  for (const each of button.parentElement.querySelectorAll("button")) each.disabled = each === button;
  byId("news").textContent = `Noted: ${button.textContent.toLowerCase()}. You may think again.`;
}

const fact = (name, value, more = null) => h("div", {}, h("dt", {}, name), h("dd", {}, value, more));

function actions(task) {
  return moves(task).map(([action, label, body]) =>
    h("button", { type: "button", class: "quiet", onclick: (event) => act(event.target, task.id, action, body) }, label),
  );
}

function moves(task) {
  if (task.status === "failed") return [["redrive", "Try again"]];
  if (task.status === "completed") return [["feedback", "Good answer", { score: 1 }], ["feedback", "Bad answer", { score: 0 }]];
  if (isOver(task.status)) return [];
  return [task.status === "held" ? ["resume", "Go on"] : ["pause", "Hold"], ["cancel", "Cancel"]];
}

async function act(button, id, action, body) {
  button.disabled = true;
  try {
    await post(`/tasks/${id}/${action}`, body);
    if (action === "feedback") thank(button);
  } catch (error) {
    button.disabled = false;
    byId("news").textContent = error.message;
    button.after(h("span", { class: "problem", role: "alert" }, error.message));
  }
}
