// One task: what it is, what came of it, and what can be done with it.

import { get } from "/console/lib/api.js";
import { copyText } from "/console/lib/copy.js";
import { viewOf } from "/console/lib/hooks.js";
import { useKeys } from "/console/lib/keys.js";
import { ForkDialog } from "/console/task/fork.js";
import { TaskView } from "/console/task/task.js";
import { h, useMemo, useRef, useState } from "/console/vendor/preact.js";

const MOST = 200; // tasks among which the next newer one is looked for

export function Page({ params, query }) {
  const [id] = params;
  const [details, setDetails] = useState(null);
  const view = useRef(null);
  const View = useMemo(() => viewOf((root, shown) => (view.current = new TaskView(shown, root, setDetails))), []);
  useKeys(
    "A task",
    [
      ["j", "The next task, an older one", () => openOlder(details)],
      ["k", "The task before, a newer one", () => openNewer(details)],
      ["c", "Copy the answer", () => copyText(view.current?.answer ?? "", "the answer")],
      ["a", "Ask again with changes", () => (location.hash = `#/ask?from=${id}`)],
    ],
    [id, details],
  );
  return h("div", { class: "task-page" }, h(View, { params }), h(ForkDialog, { details, step: query.get("fork") }));
}

async function openOlder(details) {
  if (!details) return;
  const { tasks } = await get(`/tasks?limit=1&before=${details.task.seq}`);
  if (tasks.length) location.hash = `#/tasks/${tasks[0].id}`;
}

/** Lists go from new to old, so the next newer task is found only near their beginning. */
async function openNewer(details) {
  if (!details) return;
  const { tasks } = await get(`/tasks?limit=${MOST}`);
  const newer = tasks.filter(({ seq }) => seq > details.task.seq).at(-1);
  if (newer && (tasks.length < MOST || tasks.at(-1).seq <= details.task.seq)) location.hash = `#/tasks/${newer.id}`;
}
