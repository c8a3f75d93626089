// What supabase-js gets from Storage: one object's life, printed as one object.
import { createClient } from "@supabase/supabase-js";
import ws from "ws";

const { SUPABASE_URL, SUPABASE_SECRET_KEY, BUCKET } = process.env;
const client = createClient(SUPABASE_URL, SUPABASE_SECRET_KEY, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: ws }, // before version 22 Node has no WebSocket of its own
});
const failure = ({ error }) =>
  error && { name: error.name, status: error.status, statusCode: error.statusCode, message: error.message };
const files = client.storage.from(BUCKET);
const path = "2026/a cat, (1)+2.png";
const told = {};

const made = await files.upload(path, new Blob(["cat"], { type: "image/png" }), { metadata: { a: 1 } });
told.made = { failure: failure(made), path: made.data?.path, fullPath: made.data?.fullPath };
told.again = failure(await files.upload(path, "dog", { contentType: "image/png" }));
told.large = failure(await files.upload("large.png", "x".repeat(1001), { contentType: "image/png" }));
told.upserted = failure(await files.upload(path, "dog", { contentType: "image/png", upsert: true }));
const loaded = await files.download(path);
told.loaded = { failure: failure(loaded), text: await loaded.data?.text(), type: loaded.data?.type };
told.missing = failure(await files.download("none.png"));
told.exists = [(await files.exists(path)).data, (await files.exists("none.png")).data];
const info = await files.info(path);
told.info = { failure: failure(info), size: info.data?.size, contentType: info.data?.contentType };
const listed = await files.list("2026", { limit: 10, search: "a cat" });
told.listed = { failure: failure(listed), names: listed.data?.map((each) => each.name) };
const signed = await files.createSignedUrl(path, 60);
told.signed = { failure: failure(signed), text: await (await fetch(signed.data.signedUrl)).text() };
const removed = await files.remove([path]);
told.removed = { failure: failure(removed), names: removed.data?.map((each) => each.name) };

console.log(JSON.stringify(told));
