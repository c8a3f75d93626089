// A conversation of a signed-in user: each message is a task of one session, and the model gets those before.
import { SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } from "./config.js";
import { onSubmit, showForm, showStatus, signIn } from "./forms.js";
import { insertTask, watchTask } from "./tasks.js";

const db = supabase.createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY);
const $ = (id) => document.getElementById(id);
let session_id; // of the conversation; a session belongs to the user who begins it

function addMessage(role, text) {
  const message = document.createElement("p");
  message.className = role;
  message.textContent = text; // never innerHTML: users and models write this
  $("messages").append(message);
  return message;
}

async function openConversation() {
  const { data: last, error } = await db
    .from("cogo_sessions").select("id").order("created_at", { ascending: false }).limit(1).maybeSingle();
  if (error) throw error;
  session_id = last?.id ?? crypto.randomUUID();
  const { data: messages, error: unread } = await db
    .from("cogo_messages").select("role, content").eq("session_id", session_id).order("seq");
  if (unread) throw unread;
  $("messages").replaceChildren();
  messages.forEach(({ role, content }) => addMessage(role, content));
}

async function send(prompt) {
  addMessage("user", prompt);
  const answer = addMessage("assistant", "");
  showStatus("queued ...");
  const id = await insertTask(db, { type: "CHAT", prompt, session_id });
  const onText = (text) => (answer.textContent = text);
  const task = await watchTask(db, id, { onText, onStatus: showStatus });
  onText(task.result.text);
  $("ask").reset();
  showStatus("");
}

onSubmit("sign-in", () => signIn(db, $("email").value, $("password").value));
onSubmit("ask", () => send($("prompt").value));
$("restart").addEventListener("click", () => {
  session_id = crypto.randomUUID();
  $("messages").replaceChildren();
});
let user; // whose conversation is shown
db.auth.onAuthStateChange((_event, session) => {
  if (!session) showForm(null);
  if (session?.user.id === user) return;
  user = session?.user.id;
  $("messages").replaceChildren();
  // Not at once: the client waits for this callback before it sends what is asked in it.
  if (user) setTimeout(() => openConversation().then(() => showForm(session), (error) => showStatus(error.message)));
});
