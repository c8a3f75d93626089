// Who takes part in a task, and what they say: built of the events of its stream. Pure.

import { isOver } from "/console/lib/format.js";
import { beginAttempt } from "/console/task/live_answer.js";
import { Transcript } from "/console/task/transcript.js";

const OTHER_LANES = /^(cio$|wait$|sandbox:|tools:)/;

export class Discussion {
  transcript = new Transcript();
  #taskId;
  #paths = new Map();
  #steps = new Map();
  #places = new Map();

  constructor(taskId) {
    this.#taskId = taskId;
  }

  /** Whether nobody but the one that answers takes part: its text is the answer. */
  get isEmpty() {
    return this.#steps.size < 2 && ![...this.#steps.values()].some((each) => each.isOther);
  }

  /** Apply an event of the stream of the task and of its child tasks. */
  apply(name, data) {
    const { subtask_id: subtaskId } = data;
    if (subtaskId && !this.#places.has(subtaskId)) this.#places.set(subtaskId, this.#places.size);
    const taskId = data.task_id ?? this.#taskId;
    if (name === "child") {
      this.#paths.set(data.child_task_id, this.#name(data.task_id, data.key));
      Object.assign(this.#learn(data.task_id, data), { childId: data.child_task_id, isTask: true });
    } else if (name === "event" && data.subtask_id) this.#applyEvent(taskId, data);
    else if (name === "text" || name === "reasoning") this.#learn(taskId, data).isAnswer = true;
    else if (name === "activity") {
      this.#learn(taskId, data).isOther = true;
      this.#beginAttempt(data);
      this.transcript.applyDelta(data);
    } else if (name === "tool_call" && !data.answer) {
      this.#learn(taskId, data).isOther = true;
      this.transcript.applyCall(data);
    } else if (name === "aside" && this.#steps.has(data.subtask_id)) this.transcript.applyAside(data);
    else if (name === "discard" && this.#steps.has(data.subtask_id)) this.#beginAttempt(data);
    else if (name === "end") for (const each of this.#steps.values()) if (!isOver(each.status)) each.status = "cancelled";
  }

  /** Return `{ columns, closing }` in the order in which steps were made: columns are participants with their steps, one for each round; `closing` are judges. */
  listColumns() {
    const columns = new Map();
    const steps = [...this.#steps.values()].sort((a, b) => this.#places.get(a.id) - this.#places.get(b.id));
    for (const step of steps) {
      const name = step.agent.replace(/#\d+$/, "");
      if (!columns.has(name)) columns.set(name, { name, steps: [], isClosing: false });
      const column = columns.get(name);
      column.steps.push(step);
      column.isClosing ||= step.role === "judge" && step.taskId === this.#taskId;
    }
    const all = this.#placeChildren([...columns.values()]);
    return { columns: all.filter((each) => !each.isClosing), closing: all.filter((each) => each.isClosing) };
  }

  /** Participants of a child task stand behind it. */
  #placeChildren(columns) {
    const tasks = columns.filter((each) => each.steps.some((step) => step.isTask)).map((each) => each.name);
    const findParent = ({ name }) => tasks.filter((each) => name.startsWith(`${each}/`)).sort((a, b) => b.length - a.length)[0] ?? null;
    const placed = [];
    const add = (parent) => {
      for (const each of columns.filter((column) => findParent(column) === parent)) {
        placed.push(each);
        if (tasks.includes(each.name)) add(each.name);
      }
    };
    add(null);
    return placed;
  }

  #applyEvent(taskId, { subtask_id: id, kind, detail }) {
    const status = kind.split(".")[1];
    const isTask = detail.kind === "task";
    const isModel = detail.kind === undefined && !OTHER_LANES.test(detail.lane ?? "");
    if (!isTask && !isModel) return;
    if (!this.#steps.has(id) && status !== (isTask ? "waiting" : "running")) return;
    const step = this.#learn(taskId, { subtask_id: id, key: detail.key, role: detail.role, model: isTask ? null : detail.lane });
    step.isTask = isTask;
    step.status = isTask && status === "waiting" ? "running" : status;
  }

  #learn(taskId, { subtask_id: id, key, role, model }) {
    const step = this.#steps.get(id) ?? { id, status: "running", notice: null, isTask: false, isAnswer: false, isOther: false, childId: null };
    Object.assign(step, { taskId, role: role ?? step.role, model: model ?? step.model });
    if (key || !step.agent) step.agent = this.#name(taskId, key ?? "main");
    this.#steps.set(id, step);
    return step;
  }

  #name(taskId, key) {
    const path = this.#paths.get(taskId);
    return path ? `${path}/${key}` : key;
  }

  #beginAttempt(data) {
    const notice = beginAttempt(this.transcript, data);
    if (notice !== undefined) this.#steps.get(data.subtask_id).notice = notice;
  }
}
