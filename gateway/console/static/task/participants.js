// Who takes part in a task: a card for each step that a model does, those of child tasks too, with
// its model, its state, its cost, and what it says while it says it.

import { get } from "/console/lib/api.js";
import { h, show } from "/console/lib/dom.js";
import { isOver, money } from "/console/lib/format.js";
import { TranscriptView } from "/console/task/transcript_view.js";

const STATES = {
  running: "running", waiting: "waiting", delayed: "delayed", held: "held", queued: "queued",
  completed: "completed", failed: "failed", cancelled: "cancelled",
};
const OTHER_LANES = /^(cio$|wait$|sandbox:|tools:)/;

export class Participants {
  root = h("div", { id: "participants", class: "participants" });
  #taskId;
  #view;
  #paths = new Map();
  #known = new Map();
  #costs = new Map();
  #childCosts = new Map();
  #reading = new Set();
  #isClosed = false;

  constructor(taskId, getCallState) {
    this.#taskId = taskId;
    const describe = {
      nameSubtask: (id) => this.#known.get(id)?.agent ?? "step",
      getCallState: (call) => (this.#known.get(call.subtask_id)?.taskId === taskId ? getCallState(call) : "running"),
      drawHead: (id, head, root) => this.#drawHead(id, head, root),
    };
    this.#view = new TranscriptView(this.root, describe, true);
  }

  /** Whether nobody but the one that answers takes part: its text is the answer. */
  get isEmpty() {
    return this.#known.size < 2 && ![...this.#known.values()].some((each) => each.isOther);
  }

  close() {
    this.#isClosed = true;
    this.#view.close();
  }

  /** Apply an event of the stream of the task and of its child tasks. */
  apply(name, data) {
    const taskId = data.task_id ?? this.#taskId;
    if (name === "child") this.#addChild(data);
    else if (name === "event" && data.subtask_id) this.#applyEvent(taskId, data);
    else if (name === "text" || name === "reasoning") this.#learn(taskId, data).isAnswer = true;
    else if (name === "activity") {
      this.#learn(taskId, data).isOther = true;
      this.#view.applyDelta(data);
    } else if (name === "tool_call" && !data.answer) {
      this.#learn(taskId, data).isOther = true;
      this.#view.applyCall(data);
    } else if (name === "aside") this.#view.applyAside(data);
    else if (name === "discard") this.#view.applyReset(data);
    else if (name === "end") {
      this.#view.finish();
      for (const each of this.#known.values()) if (!isOver(each.status)) each.status = "cancelled";
      this.#view.refresh();
    }
  }

  /** Show what the rows of the task say. */
  update({ attempts, children = [] }) {
    this.#keepCosts(attempts);
    for (const each of children) this.#childCosts.set(each.id, each.cost_usd);
    this.#view.refresh();
  }

  #addChild({ task_id: taskId, subtask_id: id, key, child_task_id: childId }) {
    this.#paths.set(childId, this.#name(taskId, key));
    this.#learn(taskId, { subtask_id: id, key }).childId = childId;
  }

  #applyEvent(taskId, { subtask_id: id, kind, detail }) {
    const status = kind.split(".")[1];
    const isTask = detail.kind === "task";
    const isModel = detail.kind === undefined && !OTHER_LANES.test(detail.lane ?? "");
    if (!isTask && !isModel) return;
    if (!this.#known.has(id) && status !== (isTask ? "waiting" : "running")) return;
    const known = this.#learn(taskId, { subtask_id: id, key: detail.key, role: detail.role, model: isTask ? null : detail.lane });
    known.isTask = isTask;
    known.status = isTask && status === "waiting" ? "running" : (STATES[status] ?? status);
    if (isOver(status) && taskId !== this.#taskId) this.#readCosts(taskId);
  }

  /** Keep what is known of a step, and give it a card. */
  #learn(taskId, { subtask_id: id, key, role, model }) {
    const known = this.#known.get(id) ?? { status: "running", place: this.#known.size };
    const agent = this.#name(taskId, key ?? "main");
    Object.assign(known, { taskId, agent, role: role ?? known.role, model: model ?? known.model });
    if (!this.#known.has(id)) this.#known.set(id, known);
    this.#view.add(id);
    return known;
  }

  #name(taskId, key) {
    const path = this.#paths.get(taskId);
    return path ? `${path}/${key}` : key;
  }

  #keepCosts(attempts) {
    const sums = new Map();
    for (const { subtask_id: id, cost_usd: cost } of attempts) {
      const before = sums.has(id) ? sums.get(id) : 0;
      sums.set(id, before === null || cost === null ? null : before + Number(cost));
    }
    for (const [id, cost] of sums) this.#costs.set(id, cost);
  }

  /** Read what the steps of a child task have cost; only one request at a time. */
  async #readCosts(taskId) {
    if (this.#reading.has(taskId) || this.#isClosed) return;
    this.#reading.add(taskId);
    try {
      const { task, attempts } = await get(`/tasks/${taskId}`);
      this.#keepCosts(attempts);
      this.#childCosts.set(taskId, task.cost_usd);
      this.#view.refresh();
    } catch {
      // The next end of a step reads them again.
    } finally {
      this.#reading.delete(taskId);
    }
  }

  #drawHead(id, head, root) {
    const known = this.#known.get(id);
    if (!known) return;
    const cost = known.isTask ? this.#childCosts.get(known.childId) : this.#costs.get(id);
    const state = [known.agent, known.role, known.model, known.status, cost, known.isAnswer].join("\n");
    if (known.drawn === state) return;
    known.drawn = state;
    root.className = `transcript participant ${known.status}`;
    root.style.order = String(this.#findPlace(known));
    show(
      head,
      known.childId ? h("a", { href: `#/tasks/${known.childId}` }, "child task") : null,
      known.model ? h("span", { class: "model" }, known.model) : null,
      known.role ? h("span", { class: "role" }, known.role) : null,
      h("span", { class: `status ${known.status}` }, known.status),
      isOver(known.status) ? h("span", { class: "figure" }, money(cost)) : null,
      known.isAnswer ? h("span", { class: "note" }, "writes the answer") : null,
    );
  }

  /** Steps of a child task stand behind it. */
  #findPlace({ agent, place }) {
    const all = [...this.#known.values()];
    const parent = all.filter((each) => each.isTask && agent.startsWith(`${each.agent}/`)).sort((a, b) => b.agent.length - a.agent.length)[0];
    return parent ? this.#findPlace(parent) : place;
  }
}
