// What supabase-js gets from the Data API: runs every question, prints all answers as one object.
import { createClient } from "@supabase/supabase-js";
import ws from "ws";

const client = createClient(process.env.SUPABASE_URL, process.env.SUPABASE_KEY, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: ws }, // before version 22 Node has no WebSocket of its own
});
const widgets = () => client.from("rest_widgets");

const questions = {
  rows: () => widgets().select("name,price").order("id"),
  renamed: () => widgets().select("nr:id,price::text,data->a->b->>1").eq("id", 1),
  filters: () =>
    widgets().select("name").gte("price", 3).lt("price", 20).neq("name", "wheel").not("code", "is", null),
  any: () => widgets().select("name").likeAnyOf("name", ["b%", "g%"]).order("id"),
  all: () => widgets().select("name").ilikeAllOf("name", ["%E%", "%L"]),
  quoted: () => widgets().select("name").in("name", ["bolt", 'a"b', "c,d)"]),
  contained: () => widgets().select("name").contains("tags", ["small"]),
  json: () => widgets().select("name").contains("data", { a: { b: ["two"] } }),
  ranges: () => widgets().select("name").rangeLt("size", "[5,6)"),
  overlaps: () => widgets().select("name").overlaps("tags", ["large", "other"]),
  matched: () => widgets().select("name").match({ name: "gear", maker_id: 1 }),
  logic: () => widgets().select("name").or("id.eq.3,and(price.lt.5,name.like.b*)").order("id"),
  search: () => widgets().select("name").textSearch("name", "gears", { config: "english" }),
  page: () => widgets().select("name", { count: "exact" }).order("id").range(1, 1),
  head: () => widgets().select("*", { count: "exact", head: true }).gt("id", 1),
  planned: () => widgets().select("id", { count: "planned" }),
  estimated: () => widgets().select("id", { count: "estimated" }),
  embedded: () =>
    client.from("rest_makers")
      .select("name,rest_widgets!inner(name,rest_labels(title))")
      .gt("rest_widgets.price", 1)
      .order("name", { referencedTable: "rest_widgets", ascending: false })
      .limit(1, { referencedTable: "rest_widgets" }),
  emptied: () => client.from("rest_makers").select("name,rest_widgets()").is("rest_widgets", null),
  spread: () =>
    widgets().select("name,...rest_makers(maker:name)").order("rest_makers(name)", { nullsFirst: true }),
  single: () => widgets().select("name").eq("id", 1).single(),
  noSingle: () => widgets().select("name").eq("id", 77).single(),
  maybe: () => widgets().select("name").eq("id", 1).maybeSingle(),
  maybeNone: () => widgets().select("name").eq("id", 77).maybeSingle(),
  maybeMany: () => widgets().select("name").maybeSingle(),
  csv: () => widgets().select("id,tags").lt("id", 3).order("id").csv(),
  explained: () => widgets().select("id").explain(),
  unknownTable: () => client.from("rest_widgetz").select(),
  unknownColumn: () => widgets().select("nope"),
  insert: () => client.from("rest_makers").insert({ name: "silent" }),
  insertMany: () =>
    client.from("rest_makers")
      .insert([{ name: "one" }, { name: "two", country: "it" }], { defaultToNull: false, count: "exact" })
      .select("name,country"),
  upsert: () =>
    client.from("rest_makers").upsert({ name: "acme", country: "it" }, { onConflict: "name" }).select(),
  ignored: () =>
    client.from("rest_makers")
      .upsert([{ name: "acme" }, { name: "three" }], { onConflict: "name", ignoreDuplicates: true })
      .select("name"),
  update: () => widgets().update({ price: 4 }).eq("id", 1).select("price").single(),
  tooMany: () => widgets().update({ price: 0 }).gt("id", 0).maxAffected(1),
  unfiltered: () => widgets().delete(),
  duplicate: () => client.from("rest_makers").insert({ name: "acme" }),
  remove: () => client.from("rest_makers").delete({ count: "exact" }).eq("name", "silent"),
  scalar: () => client.rpc("rest_add", { p_a: 1 }),
  scalarByGet: () => client.rpc("rest_add", { p_a: 1, p_b: 2 }, { get: true }),
  listByGet: () => client.rpc("rest_echo_list", { p_numbers: [1, 2] }, { get: true }),
  set: () => client.rpc("rest_find", { p_min: 1 }).select("name").neq("name", "bolt").order("id").limit(1),
  counted: () => client.rpc("rest_count", { p_n: 3 }, { count: "exact", head: true }),
  nothing: () => client.rpc("rest_nothing"),
  raised: () => client.rpc("rest_fail", { p_code: "PT409", p_message: "lease lost" }),
  writesByGet: () => client.rpc("rest_mark", { p_title: "x" }, { get: true }),
  otherSchema: () => client.schema("auth").from("users").select(),
};

function shown({ data, error, count, status }) {
  return { data, error: error && { code: error.code, message: error.message, details: error.details, hint: error.hint }, count, status };
}

async function thrown(work) {
  try {
    return { data: (await work()).data };
  } catch (error) {
    return { name: error.name, code: error.code, message: error.message };
  }
}

const answers = {};
for (const [name, ask] of Object.entries(questions)) answers[name] = shown(await ask());

const aborting = new AbortController();
const sleeping = client.rpc("rest_sleep_long", { p_seconds: 1 }).abortSignal(aborting.signal);
setTimeout(() => aborting.abort(), 50);
answers.aborted = shown(await sleeping);
answers.thrown = await thrown(() => widgets().select("nope").throwOnError());
if (client.getOpenApiSpec) {
  const described = await client.getOpenApiSpec();
  answers.openapi = { error: described.error, paths: Object.keys(described.data?.paths ?? {}) };
}

console.log(JSON.stringify(answers));
