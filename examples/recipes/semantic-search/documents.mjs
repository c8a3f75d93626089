// Search documents by what they mean, as the user whose client this is.

const MODEL = "text-embedding-3-small"; // that of the column

/** Return the documents that are closest to a text. */
export async function searchDocuments(db, text, count = 5) {
  const query = await embedText(db, text);
  const { data, error } = await db.rpc("match_documents", { query, count });
  if (error) throw error;
  return data;
}

/** Return a text as a vector, by a task of the user. */
async function embedText(db, text) {
  const task = { type: "EMBED", model: MODEL, prompt: text, params: { purpose: "query" } };
  const { data, error } = await db.from("cogo_tasks").insert(task).select("id").single();
  if (error) throw error;
  for (;;) {
    const { data: row, error: failed } = await db
      .from("cogo_tasks").select("status, result, error").eq("id", data.id).single();
    if (failed) throw failed;
    if (row.status === "completed") return row.result.embeddings[0];
    if (["failed", "cancelled"].includes(row.status)) throw new Error(row.error?.message ?? row.status);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
