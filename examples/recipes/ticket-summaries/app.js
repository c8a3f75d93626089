// A signed-in user inserts a ticket, and sees its columns fill.
import { SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } from "./config.js";
import { onSubmit, showForm, showStatus, signIn } from "./forms.js";

const db = supabase.createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY);
const $ = (id) => document.getElementById(id);

async function showTickets() {
  const { data, error } = await db
    .from("tickets").select("subject, summary, urgency").order("id", { ascending: false }).limit(50);
  if (error) throw error;
  const rows = data.map((ticket) => {
    const row = document.createElement("tr");
    for (const value of [ticket.subject, ticket.urgency ?? "...", ticket.summary ?? "..."]) {
      row.insertCell().textContent = value; // never innerHTML: users and models write these
    }
    return row;
  });
  $("tickets").replaceChildren(...rows);
}

onSubmit("sign-in", () => signIn(db, $("email").value, $("password").value));
onSubmit("ask", async () => {
  const { error } = await db.from("tickets").insert({ subject: $("subject").value, body: $("body").value });
  if (error) throw error;
  $("ask").reset();
});

// The database tells of changes of rows that this user may see. Those before the subscription are not told,
// so the rows are read once it is there.
let channel;
db.auth.onAuthStateChange((_event, session) => {
  showForm(session);
  if (!session || channel) return;
  const show = () => showTickets().catch((error) => showStatus(error.message));
  channel = db
    .channel("tickets")
    .on("postgres_changes", { event: "*", schema: "public", table: "tickets" }, show)
    .subscribe((status) => status === "SUBSCRIBED" && show());
});
