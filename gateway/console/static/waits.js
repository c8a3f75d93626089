// What a task waits for from people, and the tasks around it.

import { post } from "/console/api.js";
import { byId, h, show } from "/console/dom.js";
import { clock, cost, firstLine } from "/console/format.js";

/** Open questions. Items stay in place, so that a comment that is being typed is kept. */
export class Approvals {
  root = h("ul", { class: "approvals", id: "approvals" });
  #items = new Map();

  update(approvals) {
    const ids = new Set(approvals.map((each) => each.id));
    for (const [id, item] of this.#items) {
      if (!ids.has(id)) item.remove(), this.#items.delete(id);
    }
    for (const each of approvals.filter(({ id }) => !this.#items.has(id))) {
      const item = buildApproval(each);
      this.#items.set(each.id, item);
      this.root.append(item);
    }
  }
}

function buildApproval(approval) {
  const comment = h("input", { type: "text", maxlength: 1000, autocomplete: "off" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const buttons = [true, false].map((isApproved) =>
    h(
      "button",
      { type: "button", class: isApproved ? null : "quiet", onclick: () => answer(isApproved) },
      isApproved ? "Approve" : "Refuse",
    ),
  );
  async function answer(isApproved) {
    for (const each of buttons) each.disabled = true;
    problem.hidden = true;
    try {
      const text = comment.value.trim();
      await post(`/approvals/${approval.id}`, { approved: isApproved, ...(text ? { comment: text } : {}) });
      byId("news").textContent = isApproved ? "You approved it." : "You refused it.";
    } catch (error) {
      for (const each of buttons) each.disabled = false;
      problem.hidden = false;
      problem.textContent = error.message;
    }
  }
  return h(
    "li",
    { "data-key": approval.key },
    h("p", { class: "question" }, approval.question),
    buildShown(approval.show),
    h("label", {}, "Comment (optional)", comment),
    h("p", { class: "actions" }, ...buttons),
    problem,
  );
}

function buildShown(value) {
  if (value === null || value === undefined) return null;
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return h("pre", { class: "text", tabindex: 0, "aria-label": "What it is about" }, text);
}

/** Links to the parent, the child tasks, and the runs before and after; null without any. */
export function buildRelatives({ task, children = [], next_run: next }) {
  const lines = [
    task.parent_task_id ? buildLink("Part of", task.parent_task_id, "the task that asked for this one") : null,
    ...children.map((each) => buildLink("Child", each.id, firstLine(each.prompt, 80) || each.type, each)),
    task.previous_task_id ? buildLink("Before", task.previous_task_id, "the run before this one") : null,
    next ? buildLink("Next run", next.id, next.run_at ? `at ${clock(next.run_at)}` : "as soon as possible", next) : null,
  ].filter(Boolean);
  return lines.length ? h("ul", { class: "relatives" }, lines) : null;
}

function buildLink(relation, id, title, task = null) {
  return h(
    "li",
    {},
    h("span", { class: "note" }, `${relation} `),
    h("a", { href: `#/tasks/${id}` }, title),
    task ? h("span", { class: "note" }, ` ${cost(task)} `) : null,
    task ? h("span", { class: `status ${task.status}` }, task.status) : null,
  );
}

const SHOWN_ELSEWHERE = new Set([
  "text", "workflow", "verification", "receipt", "generated_code", "files", "simulated", "notes", "next_task_id",
  "language", "model_used", "file_path", "git_branch", "framework", "usage", "derived", "finish_reason",
]);

/** What a workflow returned besides its text. */
export function showData(element, result) {
  const own = Object.entries(result?.workflow ? result : {}).filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && value !== null);
  const text = own.length ? JSON.stringify(Object.fromEntries(own), null, 2) : "";
  element.hidden = !own.length;
  show(element, h("summary", {}, "Result as data"), h("pre", { class: "text", tabindex: 0 }, text));
}
