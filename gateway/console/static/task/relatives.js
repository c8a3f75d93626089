// The tasks around a task.

import { h } from "/console/lib/dom.js";
import { clock, cost, firstLine } from "/console/lib/format.js";

/** Links to the parent, the child tasks, the runs before and after, and the AI column; null without any. */
export function buildRelatives({ task, children = [], next_run: next, forks = [] }) {
  const lines = [
    task.parent_task_id ? buildLink("Part of", task.parent_task_id, "the task that asked for this one") : null,
    ...children.map((each) => buildLink("Child", each.id, firstLine(each.prompt, 80) || each.type, each)),
    task.previous_task_id ? buildLink("Before", task.previous_task_id, "the run before this one") : null,
    task.column_id ? h("li", {}, h("span", { class: "note" }, "For "), h("a", { href: `#/columns/${task.column_id}` }, "an AI column")) : null,
    task.forked_from ? buildLink("Asks again", task.forked_from, "the task that this one was forked from") : null,
    ...forks.map((each) => buildLink("Asked again", each.id, firstLine(each.prompt, 80) || each.type, each)),
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
