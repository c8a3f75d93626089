// What a bulk action says before it is done, and after.

export const ACTIONS = {
  cancel: { label: "Cancel", verb: "cancel", done: "cancelled", effect: "What runs is asked to stop. The text received so far is kept. A cancelled task cannot be resumed.", reason: "Reason (optional)" },
  retry: { label: "Retry", verb: "retry", done: "retried", effect: "Steps that failed run again, and may cost again; results of the others are kept." },
  pause: { label: "Hold", verb: "hold", done: "held", effect: "Steps that run come to their end; no further ones begin until the task is resumed." },
  resume: { label: "Resume", verb: "resume", done: "resumed", effect: "They go on where they were held." },
  approve: { label: "Approve", verb: "approve", done: "approved", effect: "All open questions of these tasks are answered with yes, as they stand. Questions that need a text are left out.", reason: "Comment (optional)" },
  refuse: { label: "Refuse", verb: "refuse", done: "refused", effect: "All open questions of these tasks are answered with no.", reason: "Comment (optional)" },
};

const OPEN = ["pending", "running", "held"];
const STATUSES = { cancel: OPEN, retry: ["failed"], pause: ["pending", "running"], resume: ["held"], approve: OPEN, refuse: OPEN };

/** Return the names of the actions that at least one of the tasks allows. `asks(id)` tells whether a task has an open question. */
export function listActions(tasks, asks) {
  const allows = (name, { id, status }) => STATUSES[name].includes(status) && (!["approve", "refuse"].includes(name) || asks(id));
  return Object.keys(ACTIONS).filter((name) => tasks.some((task) => allows(name, task)));
}

export const countTasks = (number) => `${number.toLocaleString("en")} ${number === 1 ? "task" : "tasks"}`;

/** Return the sentence about what would be done. */
export function describePlan(action, { done, skipped }) {
  const { verb } = ACTIONS[action];
  if (!done.length && !skipped.length) return `There is no task to ${verb}.`;
  if (!done.length) return `None of the ${countTasks(skipped.length)} can be ${ACTIONS[action].done}.`;
  const rest = skipped.length ? ` ${countTasks(skipped.length)} ${skipped.length === 1 ? "is" : "are"} left out.` : "";
  return `${countTasks(done.length)} will be ${ACTIONS[action].done}.${rest}`;
}

export function describeEnd(action, { done, skipped }) {
  const rest = skipped.length ? `, ${skipped.length.toLocaleString("en")} not` : "";
  return `${countTasks(done.length)} ${ACTIONS[action].done}${rest}.`;
}

/** Group what was left out by its reason, the most frequent first: `[[reason, ids]]`. */
export function groupSkipped(skipped) {
  const groups = new Map();
  for (const { id, reason } of skipped) {
    const common = reason.replaceAll(id, "…");
    groups.set(common, [...(groups.get(common) ?? []), id]);
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length);
}
