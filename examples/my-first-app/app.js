// A signed-in user inserts a task and watches the answer being written.
import { SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } from "./config.js";
import { onSubmit, showForm, showStatus, signIn } from "./forms.js";
import { insertTask, watchTask } from "./tasks.js";

const db = supabase.createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY);
const $ = (id) => document.getElementById(id);

function showText(text) {
  $("answer").textContent = text;
}

async function ask(prompt) {
  $("answer").hidden = false;
  showText("");
  showStatus("queued ...");
  const id = await insertTask(db, { prompt });
  const task = await watchTask(db, id, { onText: showText, onStatus: showStatus });
  showText(task.result.text);
  showStatus(`${task.result.model_used}, $${task.cost_usd}`);
}

onSubmit("sign-in", () => signIn(db, $("email").value, $("password").value));
onSubmit("ask", () => ask($("prompt").value));
db.auth.onAuthStateChange((_event, session) => showForm(session));
