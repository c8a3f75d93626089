// The tasks around a task.

import { clock, cost, firstLine } from "/console/lib/format.js";
import { h } from "/console/vendor/preact.js";

/** Links to the parent, the child tasks, the runs before and after, and the AI column; nothing without any. */
export function Relatives({ details: { task, children = [], next_run: next, forks = [] } }) {
  const nameTask = (each) => firstLine(each.prompt, 80) || each.type;
  const links = [
    task.parent_task_id && h(Relative, { relation: "Part of", href: `#/tasks/${task.parent_task_id}`, title: "the task that asked for this one" }),
    children.map((each) => h(Relative, { key: each.id, relation: "Child", href: `#/tasks/${each.id}`, title: nameTask(each), task: each })),
    task.previous_task_id && h(Relative, { relation: "Before", href: `#/tasks/${task.previous_task_id}`, title: "the run before this one" }),
    task.column_id && h(Relative, { relation: "For", href: `#/columns/${task.column_id}`, title: "an AI column" }),
    task.forked_from && h(Relative, { relation: "Asks again", href: `#/tasks/${task.forked_from}`, title: "the task that this one was forked from" }),
    forks.map((each) => h(Relative, { key: each.id, relation: "Asked again", href: `#/tasks/${each.id}`, title: nameTask(each), task: each })),
    next && h(Relative, { relation: "Next run", href: `#/tasks/${next.id}`, title: next.run_at ? `at ${clock(next.run_at)}` : "as soon as possible", task: next }),
  ];
  if (!links.flat().some(Boolean)) return null;
  return h("section", { class: "section", "aria-label": "Related tasks" }, h("h3", {}, "Related tasks"), h("ul", { class: "relatives" }, links));
}

/** A line with a link; `task` is the row of a task that it leads to. */
export function Relative({ relation, href, title, task = null }) {
  return h(
    "li",
    {},
    h("span", { class: "note" }, `${relation} `),
    h("a", { href }, title),
    task && [h("span", { class: "note" }, ` ${cost(task)} `), h("span", { class: `status ${task.status}` }, task.status)],
  );
}
