// Inserting a task and watching its answer being written, with supabase-js.

/** Insert a task; the database sets the owner from the user's token. */
export async function insertTask(db, task) {
  const { data, error } = await db.from("cogo_tasks").insert(task).select("id").single();
  if (error) throw error;
  return data.id;
}

async function readTask(db, id) {
  const columns = "status, result, error, cost_usd";
  const { data, error } = await db.from("cogo_tasks").select(columns).eq("id", id).single();
  if (error) throw error;
  return data;
}

/**
 * Call `onText` with the task's text as it is written and `onStatus` with its status; resolve with the
 * task's row when it has completed.
 */
export async function watchTask(db, id, { onText, onStatus }) {
  let attempt = 0;
  let shown = []; // `offset` counts characters, not UTF-16 units

  function showProgress({ payload: { payload } }) {
    if (payload.kind === "reasoning") return;
    if (payload.attempt < attempt) return;
    if (payload.attempt > attempt) {
      attempt = payload.attempt; // a new attempt starts over: discard the text of the previous one
      shown = [];
    }
    if (payload.offset > shown.length) return; // a message was lost: the row has the whole text
    shown = [...shown.slice(0, payload.offset), ...payload.delta];
    onText(shown.join(""));
  }

  // Only the owner of a task may join its channel. Messages can be lost, so the row is read when a result
  // is announced and also every few seconds.
  let wake = () => {};
  const channel = db
    .channel(`cogo-results:${id}`, { config: { private: true } })
    .on("broadcast", { event: "SUBTASK_PROGRESS" }, showProgress)
    .on("broadcast", { event: "TASK_RESULT" }, () => wake())
    .subscribe();
  try {
    for (;;) {
      const task = await readTask(db, id);
      if (task.status === "completed") return task;
      if (["failed", "cancelled"].includes(task.status)) throw new Error(task.error?.message ?? task.status);
      onStatus(`${task.status} ...`);
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, 3000);
      });
    }
  } finally {
    await db.removeChannel(channel);
  }
}
