// A signed-in user inserts a task and watches the answer being written.
import { SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } from "./config.js";

const db = supabase.createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY);
const $ = (id) => document.getElementById(id);

function showStatus(text) {
  $("status").textContent = text;
}

async function signIn(email, password) {
  const { error } = await db.auth.signInWithPassword({ email, password });
  if (!error) return;
  const { error: refused } = await db.auth.signUp({ email, password });
  if (refused) throw refused;
}

async function insertTask(prompt) {
  // The database sets the owner from the user's token.
  const { data, error } = await db.from("cogo_tasks").insert({ prompt }).select("id").single();
  if (error) throw error;
  return data.id;
}

async function readTask(id) {
  const columns = "status, result, error, cost_usd";
  const { data, error } = await db.from("cogo_tasks").select(columns).eq("id", id).single();
  if (error) throw error;
  return data;
}

/** Show the task's text as it is written, and resolve with the task's row when it has ended. */
async function watchTask(id) {
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
    $("answer").textContent = shown.join("");
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
      const task = await readTask(id);
      if (["completed", "failed", "cancelled"].includes(task.status)) return task;
      showStatus(`${task.status} ...`);
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, 3000);
      });
    }
  } finally {
    await db.removeChannel(channel);
  }
}

async function ask(prompt) {
  $("answer").hidden = false;
  $("answer").textContent = "";
  showStatus("queued ...");
  const task = await watchTask(await insertTask(prompt));
  if (task.status !== "completed") throw new Error(task.error?.message ?? task.status);
  $("answer").textContent = task.result.text;
  showStatus(`${task.result.model_used}, $${task.cost_usd}`);
}

function onSubmit(form, action) {
  $(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = $(form).querySelector("button");
    button.disabled = true;
    try {
      await action();
    } catch (error) {
      showStatus(error.message);
    } finally {
      button.disabled = false;
    }
  });
}

onSubmit("sign-in", () => signIn($("email").value, $("password").value));
onSubmit("ask", () => ask($("prompt").value));
db.auth.onAuthStateChange((_event, session) => {
  $("sign-in").hidden = Boolean(session);
  $("ask").hidden = !session;
});
