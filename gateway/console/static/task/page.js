// One task: what it is, what came of it, and what can be done with it.

import { get } from "/console/lib/api.js";
import { copyText } from "/console/lib/copy.js";
import { useKeys } from "/console/lib/keys.js";
import { Said } from "/console/lib/said.js";
import { useFeed } from "/console/task/feed.js";
import { ForkDialog } from "/console/task/fork.js";
import { LiveAnswer } from "/console/task/live_answer.js";
import { readAnswer, Task } from "/console/task/task.js";
import { useTask } from "/console/task/use_task.js";
import { h, useEffect, useMemo, useState } from "/console/vendor/preact.js";

/** Events of a stream after which the rows are read again. */
const CHANGES = new Set(["event", "selection", "end"]);

export function Page({ params: [id], query }) {
  const { details, error, read } = useTask(id);
  const { subscribe, refusal } = useFeed(id, read);
  const live = useMemo(() => new LiveAnswer(), [id]);
  const history = useMemo(() => new Map(), [id]);
  const [, setBegun] = useState(false);
  useEffect(
    () =>
      subscribe((name, data) => {
        if (data.task_id !== undefined && data.task_id !== id) return; // of a child task
        live.apply(name, data);
        setBegun(live.stepId !== null);
        if (name === "event") history.set(data.seq, data);
        if (CHANGES.has(name)) read();
      }),
    [subscribe],
  );
  useKeys(
    "A task",
    [
      ["j", "The next task, an older one", () => openOlder(details)],
      ["k", "The task before, a newer one", () => openNewer(details)],
      ["c", "Copy the answer", () => copyText(readAnswer(details, live), "the answer")],
      ["a", "Ask again with changes", () => (location.hash = `#/ask?from=${id}`)],
    ],
    [id, details],
  );
  const problem = refusal ?? error;
  if (problem) return h("p", { class: "problem", role: "alert" }, h(Said, { text: problem.message }));
  if (!details) return h("p", { class: "note" }, "Loading the task.");
  const events = [...history.values()].sort((a, b) => a.seq - b.seq);
  return [h(Task, { details, live, events, subscribe, query }), h(ForkDialog, { details, step: query.get("fork") })];
}

async function openOlder(details) {
  if (!details) return;
  const { tasks } = await get(`/tasks?limit=1&before=${details.task.seq}`);
  if (tasks.length) location.hash = `#/tasks/${tasks[0].id}`;
}

async function openNewer(details) {
  if (!details) return;
  const { tasks } = await get(`/tasks?limit=1&after=${details.task.seq}`);
  if (tasks.length) location.hash = `#/tasks/${tasks[0].id}`;
}
