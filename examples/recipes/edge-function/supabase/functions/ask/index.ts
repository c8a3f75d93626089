// Submits a task as the user who calls, and returns its id.
import { createClient } from "@supabase/supabase-js";

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "authorization, apikey, content-type, idempotency-key, x-client-info",
};
const { default: key } = JSON.parse(Deno.env.get("SUPABASE_PUBLISHABLE_KEYS") ?? "{}");

function answer(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: CORS });
}

Deno.serve(async (request: Request): Promise<Response> => {
  if (request.method === "OPTIONS") return new Response(null, { headers: CORS });
  const authorization = request.headers.get("Authorization");
  if (!authorization) return answer(401, { error: "sign in first" });
  const body = await request.json().catch(() => null);
  const prompt = body?.prompt;
  if (typeof prompt !== "string" || !prompt.trim() || prompt.length > 4000) {
    return answer(400, { error: "prompt must be a text of 1 to 4,000 characters" });
  }

  // With the caller's token the database sets the owner, and their caps and grants hold. What a caller
  // may decide is decided here: type, model and budget are not theirs.
  const db = createClient(Deno.env.get("SUPABASE_URL")!, key, {
    global: { headers: { Authorization: authorization } },
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { data, error, status } = await db.rpc("cogo_submit_task", {
    p_prompt: prompt,
    p_type: "CHAT",
    p_budget_usd: 0.05,
    p_idempotency_key: request.headers.get("Idempotency-Key"),
  });
  if (error) return answer(status >= 400 && status < 500 ? status : 502, { error: error.message });
  return answer(202, { task_id: data.id });
});
