// One task: its rows, which are read again after each event of its stream, and its text.

import { get } from "/console/lib/api.js";
import { Approvals } from "/console/inbox/approvals.js";
import { AnswerTools, CodeFiles, WholeTask } from "/console/task/answer_tools.js";
import { CompareTexts } from "/console/task/compare_texts.js";
import { Debate } from "/console/task/debate.js";
import { Feed } from "/console/task/feed.js";
import { h, show } from "/console/lib/dom.js";
import { showFiles } from "/console/lib/files.js";
import { explain, firstLine, isOver } from "/console/lib/format.js";
import { buildRelatives } from "/console/task/relatives.js";
import { ResultView } from "/console/task/result.js";
import { Stream } from "/console/lib/stream.js";
import { buildAttempts, buildHistory } from "/console/task/tables.js";
import { Selections } from "/console/task/selections.js";
import { buildActions, buildFacts, buildSections, note } from "/console/task/sections.js";
import { setTitle } from "/console/lib/title.js";
import { TranscriptView } from "/console/task/transcript_view.js";
import { buildChecks, buildVerification, describeVerification } from "/console/task/verification.js";
import { PlanGraph } from "/console/task/graph.js";
import { Steps } from "/console/task/steps.js";
import { readAddress } from "/console/lib/route.js";
import { h as create, render } from "/console/vendor/preact.js";

export class TaskView {
  #id;
  #root;
  #stream;
  #transcript;
  #debate = h("div", {});
  #feed = new Feed();
  #details = null;
  #onDetails;
  #events = new Map();
  #reading = false;
  #stale = false;
  #gone = false;
  #status = null;
  #steps = h("div", {});
  #plan = h("div", {});
  #drawSteps = () => {
    if (!this.#details) return;
    render(create(Steps, { details: this.#details, query: readAddress().query }), this.#steps);
    render(create(PlanGraph, { details: this.#details }), this.#plan);
    render(create(Debate, { details: this.#details, subscribe: this.#feed.subscribe }), this.#debate);
  };
  #approvals = new Approvals();
  #result = new ResultView();
  #parts;

  /** `onDetails(details)` is called when the rows were read. */
  constructor(id, root, onDetails = () => {}) {
    this.#id = id;
    this.#onDetails = onDetails;
    this.#root = root;
    const describe = { nameSubtask: (subtask) => this.#getSubtaskName(subtask), getCallState: (call) => this.#getCallState(call) };
    this.#parts = buildSections(this.#steps, this.#plan, this.#approvals.root, this.#result.root, this.#debate);
    this.#transcript = new TranscriptView(this.#parts.answer, describe);
    show(this.#root, h("p", { class: "note" }, "Loading the task."));
    window.addEventListener("hashchange", this.#drawSteps);
    this.#read();
    this.#stream = new Stream(`/tasks/${id}/events?children=true`, {
      onEvent: (name, data) => this.#handleEvent(name, data),
      onOpen: () => this.#read(),
      onLost: () => {},
      onRefused: (error) => this.#showError(error),
    });
  }

  close() {
    this.#gone = true;
    window.removeEventListener("hashchange", this.#drawSteps);
    for (const each of [this.#steps, this.#plan, this.#debate, ...this.#listComponents()]) render(null, each);
    this.#stream.stop();
    this.#transcript.close();
  }

  /** The answer as it is now. */
  get answer() {
    return this.#details?.task.result?.text ?? this.#transcript.answer;
  }

  #listComponents() {
    const { tools, code, compare, selections, whole } = this.#parts;
    return [tools, code, compare, selections, whole];
  }

  #drawComponents() {
    const { task, subtasks, selections } = this.#details;
    const hasAnswer = !this.#transcript.isEmpty || Boolean(task.result);
    render(hasAnswer ? create(AnswerTools, { task, getText: () => this.answer }) : null, this.#parts.tools);
    render(create(CodeFiles, { result: task.result, answer: this.answer }), this.#parts.code);
    render(create(CompareTexts, { details: this.#details }), this.#parts.compare);
    render(create(Selections, { selections, subtasks, isSimulated: task.simulated }), this.#parts.selections);
    render(create(WholeTask, { details: this.#details }), this.#parts.whole);
  }

  #handleEvent(name, data) {
    if (this.#gone) return;
    this.#feed.push(name, data);
    if (data.task_id !== undefined && data.task_id !== this.#id) return; // of a child task
    if (name === "text" || name === "reasoning") this.#transcript.applyAnswer({ kind: name, ...data });
    else if (name === "tool_call" && data.answer) this.#transcript.applyCall(data);
    else if (name === "aside") this.#transcript.applyAside(data);
    else if (name === "discard") this.#transcript.applyReset(data);
    else if (name === "event") this.#events.set(data.seq, data);
    else if (name === "end") this.#transcript.finish();
    if (name === "event" || name === "selection" || name === "end") this.#read();
    else if (this.#details && (name === "text" || name === "reasoning") && !this.#parts.answerNote.hidden) {
      this.#parts.answerNote.hidden = true;
      this.#drawComponents();
    }
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
        if (this.#gone) return;
        this.#draw();
        this.#onDetails(this.#details);
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
    show(this.#root, h("p", { class: "problem", role: "alert" }, error.message));
  }

  #getSubtaskName(subtaskId) {
    const row = this.#details?.subtasks.find((each) => each.id === subtaskId);
    if (!row) return "working";
    return row.lane === "cio" ? row.key : `${row.key} · ${row.params?.model_id ?? row.lane}`;
  }

  /** Return the state of a call that has no result. */
  #getCallState({ subtask_id: subtaskId, call_id: callId }) {
    const { task, subtasks = [], approvals = [] } = this.#details ?? {};
    if (approvals.some((each) => each.subtask_id === subtaskId && each.call_id === callId)) return "asking";
    const status = subtasks.find((each) => each.id === subtaskId)?.status ?? "running";
    if (isOver(status) || (task && isOver(task.status))) return "ended";
    return status === "running" ? "running" : "waiting";
  }

  #getSubtaskKey = (subtaskId) =>
    this.#details.subtasks.find((each) => each.id === subtaskId)?.key ?? "subtask";

  #draw() {
    const { task, attempts: rows, approvals = [] } = this.#details;
    const parts = this.#parts;
    if (parts.root.parentNode !== this.#root) show(this.#root, parts.root);
    setTitle(`${firstLine(task.prompt, 40)} · ${task.status} · COGO`);
    parts.prompt.textContent = task.prompt;
    showFiles(parts.files, task.params?.attachments);
    parts.status.className = `status ${task.status}`;
    parts.status.textContent = task.status;
    show(parts.facts, buildFacts(task));
    if (this.#status !== task.status) show(parts.actions, buildActions(task));
    this.#status = task.status;
    parts.simulated.hidden = !task.simulated;
    const unreadable = Object.entries(task.unreadable ?? {}).map(([column, why]) => `${column} cannot be read: ${why}`);
    parts.problem.hidden = !task.error && !unreadable.length;
    parts.problem.textContent = [explain(task.error), ...unreadable].filter(Boolean).join(" – ");
    this.#drawSteps();
    parts.planSection.hidden = this.#details.subtasks.length < 3;
    this.#approvals.update(approvals);
    parts.approvalsSection.hidden = this.#approvals.isEmpty;
    const relatives = buildRelatives(this.#details);
    parts.relativesSection.hidden = !relatives;
    if (relatives && !parts.relatives.firstChild?.isEqualNode(relatives)) show(parts.relatives, relatives); // the focus stays
    show(parts.attempts, rows.length ? buildAttempts(rows, this.#getSubtaskKey) : note("No agent has claimed it yet."));
    const events = [...this.#events.values()].sort((a, b) => a.seq - b.seq);
    show(parts.history, buildHistory(events, this.#getSubtaskKey));
    this.#transcript.refresh();
    // The answer of a workflow that made it of its steps is no step's text.
    const own = task.result?.workflow ? task.result.text : null;
    const result = own === this.#transcript.answer ? null : own;
    parts.resultText.root.hidden = !result;
    if (parts.result.textContent !== (result ?? "")) parts.result.textContent = result ?? "";
    parts.resultText.update();
    this.#drawComponents();
    this.#result.update(task);
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
