// usage: node search.mjs "how do I get my money back?"   (Node 22 or newer, with the variables below)
import { createClient } from "@supabase/supabase-js";
import { searchDocuments } from "./documents.mjs";

const { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, EMAIL: email, PASSWORD: password } = process.env;
const db = createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, { auth: { persistSession: false } });
const { error } = await db.auth.signInWithPassword({ email, password });
if (error) throw error;
for (const { title, similarity } of await searchDocuments(db, process.argv[2])) {
  console.log(similarity.toFixed(2), title);
}
await db.auth.signOut();
