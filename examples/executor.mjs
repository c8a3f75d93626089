// An executor in JavaScript. It uses COGO's database functions and channels only, no Python.
//   npm install @supabase/supabase-js        (Node 22 or newer)
//   SUPABASE_URL=... SUPABASE_SECRET_KEY=... node executor.mjs
//   cogo submit "hello from another language" --type CHAT --model js/shout
import { createClient } from "@supabase/supabase-js";

const db = createClient(process.env.SUPABASE_URL, process.env.SUPABASE_SECRET_KEY);
const me = `js-${process.pid}`;
const lanes = ["js/shout"]; // the "model", which answers in capitals
const rpc = async (name, body) => {
  const { data, error } = await db.rpc(`cogo_${name}`, body);
  if (error) throw new Error(`${name}: ${error.message}`);
  return data;
};
const alive = () =>
  rpc("record_agent", { p_agent: { id: me, kind: "executor", lanes, capacity: 1, running: 0 } });

async function work() {
  for (;;) {
    const [job] = await rpc("claim_subtasks", { p_agent_id: me, p_lanes: lanes, p_limit: 1 });
    if (!job) return;
    const text = job.params.generation_prompt.toUpperCase();
    const { subtask_id, attempt } = job; // the attempt is the fencing token
    const usage = { model_id: job.lane, provider: "js", cost_usd: 0, duration_ms: 1, finish_reason: "stop" };
    const output = { text, model_used: job.lane };
    const items = [{ subtask_id, attempt, output, usage }];
    const [{ answer }] = await rpc("complete_subtasks", { p_agent_id: me, p_items: items });
    console.log(subtask_id, answer); // ok, duplicate, stale, closed, ...
  }
}

let busy = Promise.resolve();
const wake = () => (busy = busy.then(work).catch((error) => console.error(error.message)));
await alive();
setInterval(alive, 5000);
setInterval(wake, 2000); // notifications may be lost, so poll as well
db.channel("cogo-subtasks", { config: { private: true } })
  .on("broadcast", { event: "MCP_SUBTASK" }, wake)
  .subscribe(wake);
