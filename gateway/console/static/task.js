// One task: its rows, which are read again after each event of its stream, and its text.

import { get, post } from "/console/api.js";
import { byId, h, show } from "/console/dom.js";
import { between, cost, count, explain, firstLine, isOver, moment, money } from "/console/format.js";
import { Stream } from "/console/stream.js";
import { buildAttempts, buildHistory, buildSelections } from "/console/tables.js";
import { TranscriptView } from "/console/transcript_view.js";
import { buildChecks, buildVerification, describeVerification } from "/console/verification.js";
import { Approvals, buildRelatives, showData } from "/console/waits.js";
import { Waterfall } from "/console/waterfall.js";

export class TaskView {
  #id;
  #stream;
  #transcript;
  #steps;
  #details = null;
  #events = new Map();
  #reading = false;
  #stale = false;
  #gone = false;
  #status = null;
  #waterfall = new Waterfall();
  #approvals = new Approvals();
  #parts = buildSections(this.#waterfall.root, this.#approvals.root);

  constructor(id) {
    this.#id = id;
    const getName = (subtask) => this.#getSubtaskName(subtask);
    this.#transcript = new TranscriptView(this.#parts.answer, getName);
    this.#steps = new TranscriptView(this.#parts.steps, getName);
    show(byId("detail"), h("p", { class: "note" }, "Loading the task."));
    this.#read();
    this.#stream = new Stream(`/tasks/${id}/events`, {
      onEvent: (name, data) => this.#handleEvent(name, data),
      onOpen: () => this.#read(),
      onLost: () => {},
      onRefused: (error) => this.#showError(error),
    });
  }

  close() {
    this.#gone = true;
    this.#stream.stop();
  }

  #handleEvent(name, data) {
    if (this.#gone) return;
    if (name === "text" || name === "reasoning") this.#transcript.applyAnswer({ kind: name, ...data });
    else if (name === "activity") this.#steps.applyDelta(data);
    else if (name === "discard") for (const each of [this.#transcript, this.#steps]) each.applyReset(data);
    else if (name === "event") this.#events.set(data.seq, data);
    if (name === "end") for (const each of [this.#transcript, this.#steps]) each.finish();
    if (name === "event" || name === "selection" || name === "end") this.#read();
    else if (this.#details) this.#parts.answerNote.hidden = true;
  }

  /** Read the rows, and read them again if an event arrives meanwhile. */
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
      // If the gateway is unreachable, the rows are read again when the stream has reconnected.
      if (error.status !== 0 && error.status < 500) this.#showError(error);
    } finally {
      this.#reading = false;
    }
  }

  #showError(error) {
    if (this.#gone) return;
    show(byId("detail"), h("p", { class: "problem", role: "alert" }, error.message));
  }

  #getSubtaskName(subtaskId) {
    const row = this.#details?.subtasks.find((each) => each.id === subtaskId);
    if (!row) return "working";
    return row.lane === "cio" ? row.key : `${row.key} · ${row.params?.model_id ?? row.lane}`;
  }

  #getSubtaskKey = (subtaskId) =>
    this.#details.subtasks.find((each) => each.id === subtaskId)?.key ?? "subtask";

  #draw() {
    const { task, attempts: rows, selections, approvals = [] } = this.#details;
    const parts = this.#parts;
    const detail = byId("detail");
    if (parts.root.parentNode !== detail) show(detail, parts.root);
    document.title = `${firstLine(task.prompt, 40)} · ${task.status} · COGO`;
    parts.prompt.textContent = task.prompt;
    parts.status.className = `status ${task.status}`;
    parts.status.textContent = task.status;
    show(parts.facts, buildFacts(task));
    if (this.#status !== task.status) show(parts.actions, buildActions(task));
    this.#status = task.status;
    parts.simulated.hidden = !task.simulated;
    const unreadable = Object.entries(task.unreadable ?? {}).map(([column, why]) => `${column} cannot be read: ${why}`);
    parts.problem.hidden = !task.error && !unreadable.length;
    parts.problem.textContent = [explain(task.error), ...unreadable].filter(Boolean).join(" – ");
    this.#waterfall.update(this.#details);
    this.#approvals.update(approvals);
    parts.approvalsSection.hidden = !approvals.length;
    const relatives = buildRelatives(this.#details);
    parts.relativesSection.hidden = !relatives;
    if (relatives) show(parts.relatives, relatives);
    show(parts.attempts, rows.length ? buildAttempts(rows, this.#getSubtaskKey) : note("No agent has claimed it yet."));
    show(parts.selections, selections.length ? buildSelections(selections, task.simulated) : note("No model was selected yet."));
    const events = [...this.#events.values()].sort((a, b) => a.seq - b.seq);
    show(parts.history, buildHistory(events, this.#getSubtaskKey));
    this.#transcript.showNames();
    this.#steps.showNames();
    parts.stepsSection.hidden = this.#steps.isEmpty;
    // The answer of a workflow that made it of its steps is no step's text.
    const result = task.result?.workflow ? task.result.text : null;
    parts.result.hidden = !result;
    parts.result.textContent = result ?? "";
    showData(parts.data, task.result);
    const isCode = Boolean(task.result?.verification?.status);
    parts.badge.hidden = !isCode;
    if (isCode) {
      parts.badge.className = `badge ${task.result.verification.status}`;
      parts.badge.textContent = describeVerification(task.result.verification);
    }
    const checks = Array.isArray(task.result?.checks) ? task.result.checks : [];
    parts.verificationSection.hidden = !isCode && !checks.length;
    if (isCode) show(parts.verification, buildVerification(task.result));
    else if (checks.length) show(parts.verification, buildChecks(checks));
    parts.answerNote.hidden = !this.#transcript.isEmpty || Boolean(result);
    parts.answerNote.textContent = isOver(task.status) ? "No text was stored." : "There is no text yet.";
  }
}

const note = (text) => h("p", { class: "note" }, text);

function buildSections(waterfall, approvals) {
  const parts = {
    prompt: h("p", { class: "prompt", tabindex: 0 }),
    status: h("span", {}),
    simulated: h("p", { class: "note simulated", hidden: true }, "The vendor simulator answered. No model was called, and nothing was spent."),
    facts: h("dl", { class: "facts" }),
    actions: h("p", { class: "actions" }),
    problem: h("p", { class: "problem", hidden: true }),
    badge: h("span", { id: "badge", hidden: true }),
    relatives: h("div", {}),
    data: h("details", { id: "data", hidden: true }),
    answerNote: note(""),
    answer: h("div", { id: "answer" }),
    result: h("pre", { id: "result", class: "text", tabindex: 0, hidden: true }),
    verification: h("div", { class: "wide" }),
    steps: h("div", { id: "steps" }),
    attempts: h("div", {}),
    selections: h("div", {}),
    history: h("div", {}),
  };
  parts.stepsSection = h("details", { class: "section", hidden: true }, h("summary", {}, "Text of other steps"), parts.steps);
  parts.approvalsSection = section("Waiting for you", approvals);
  parts.relativesSection = section("Related tasks", parts.relatives);
  parts.verificationSection = section("Verification", parts.verification);
  parts.root = h(
    "div",
    {},
    h("a", { class: "back", href: "#/" }, "‹ All tasks"),
    h("header", {}, h("p", { role: "status" }, parts.status, parts.badge), parts.actions),
    parts.prompt,
    parts.problem,
    parts.simulated,
    parts.facts,
    parts.approvalsSection,
    section("Steps", h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Steps" }, waterfall)),
    section("Answer", parts.answerNote, parts.answer, parts.result, parts.data),
    parts.verificationSection,
    parts.relativesSection,
    parts.stepsSection,
    h("details", { class: "section", open: true }, h("summary", {}, "Model selection"), parts.selections),
    section("Attempts", parts.attempts),
    h("details", { class: "section" }, h("summary", {}, "History"), parts.history),
  );
  return parts;
}

function section(title, ...children) {
  return h("section", { class: "section", "aria-label": title }, h("h3", {}, title), ...children);
}

function buildFacts(task) {
  const budget = Number(task.budget_usd);
  const tokens = `${count(task.input_tokens + task.cached_tokens)} read, ${count(task.output_tokens)} written`;
  return [
    fact("Type", task.type),
    fact("Model", task.model ?? "auto"),
    fact("Preference", task.preferences?.preference ?? "balanced"),
    fact("Submitted", moment(task.created_at)),
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

function confirmRating(button) {
  for (const each of button.parentElement.querySelectorAll("button")) each.disabled = each === button;
  byId("news").textContent = `Saved: ${button.textContent.toLowerCase()}. You can change it.`;
}

const fact = (name, value, more = null) => h("div", {}, h("dt", {}, name), h("dd", {}, value, more));

function buildActions(task) {
  return listActions(task).map(([action, label, body]) =>
    h("button", { type: "button", class: "quiet", onclick: (event) => runAction(event.target, task.id, action, body) }, label),
  );
}

function listActions(task) {
  if (task.status === "failed") return [["redrive", "Retry"]];
  if (task.status === "completed") return [["feedback", "Good answer", { score: 1 }], ["feedback", "Bad answer", { score: 0 }]];
  if (isOver(task.status)) return [];
  return [task.status === "held" ? ["resume", "Resume"] : ["pause", "Hold"], ["cancel", "Cancel"]];
}

async function runAction(button, id, action, body) {
  button.disabled = true;
  try {
    await post(`/tasks/${id}/${action}`, body);
    if (action === "feedback") confirmRating(button);
  } catch (error) {
    button.disabled = false;
    byId("news").textContent = error.message;
    button.after(h("span", { class: "problem", role: "alert" }, error.message));
  }
}
