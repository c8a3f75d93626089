// What supabase-js hears over Realtime in one serializer: prints it all as one object.
import { createHmac } from "node:crypto";
import { createClient, REALTIME_SUBSCRIBE_STATES } from "@supabase/supabase-js";
import ws from "ws";

const { SUPABASE_URL, PUBLISHABLE_KEY, SECRET_KEY, VSN, RUN, JWT_SECRET, CLAIMS } = process.env;
const SECONDS = 10;
const clients = [];

// Signed here, when it is used: Node alone may take longer to start than the token lives.
function shortToken(seconds) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ ...JSON.parse(CLAIMS), exp })}`;
  return `${signed}.${createHmac("sha256", JWT_SECRET).update(signed).digest("base64url")}`;
}

function connect(key) {
  const client = createClient(SUPABASE_URL, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: ws, vsn: VSN },
  });
  clients.push(client);
  return client;
}

async function until(probe, what) {
  const deadline = Date.now() + SECONDS * 1000;
  while (Date.now() < deadline) {
    const value = probe();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`not within ${SECONDS} s: ${what}`);
}

// Gives the state that settles the subscription, and goes on listing the later ones.
async function subscribe(channel) {
  const states = [];
  channel.subscribe((state) => states.push(state));
  await until(() => states.length, "subscribed");
  return states;
}

const plain = (message) => ({ event: message.event, payload: message.payload });

const questions = {
  async broadcast() {
    const [one, other] = [connect(PUBLISHABLE_KEY), connect(PUBLISHABLE_KEY)];
    const heard = { one: [], other: [] };
    const room = one.channel(`room-${RUN}`, { config: { broadcast: { self: true, ack: true } } });
    room.on("broadcast", { event: "*" }, (message) => heard.one.push(plain(message)));
    const elsewhere = other.channel(`room-${RUN}`);
    elsewhere.on("broadcast", { event: "*" }, (message) => heard.other.push(plain(message)));
    const states = [(await subscribe(room))[0], (await subscribe(elsewhere))[0]];
    const acknowledged = await room.send({ type: "broadcast", event: "hi", payload: { n: 1 } });
    await elsewhere.send({ type: "broadcast", event: "back", payload: { ü: "é" } });
    await until(() => heard.one.length === 2 && heard.other.length === 1, "broadcasts");
    return { states, acknowledged, ...heard };
  },

  async binary() {
    const [one, other] = [connect(PUBLISHABLE_KEY), connect(PUBLISHABLE_KEY)];
    const heard = [];
    const hearing = one.channel(`bin-${RUN}`);
    hearing.on("broadcast", { event: "raw" }, (message) =>
      heard.push([...new Uint8Array(message.payload)]),
    );
    await subscribe(hearing);
    const sending = other.channel(`bin-${RUN}`);
    await subscribe(sending);
    await sending.send({ type: "broadcast", event: "raw", payload: new Uint8Array([0, 1, 255]).buffer });
    await until(() => heard.length, "bytes");
    return heard[0];
  },

  async httpSend() {
    const heard = [];
    const client = connect(PUBLISHABLE_KEY);
    const channel = client.channel(`http-${RUN}`);
    channel.on("broadcast", { event: "http" }, (message) => heard.push(plain(message)));
    await subscribe(channel);
    const answer = await connect(PUBLISHABLE_KEY).channel(`http-${RUN}`).httpSend("http", { n: 2 });
    await until(() => heard.length, "http");
    return { answer, heard };
  },

  async presence() {
    const [one, other] = [connect(PUBLISHABLE_KEY), connect(PUBLISHABLE_KEY)];
    const seen = [];
    const [first, second] = ["one", "two"].map((key, at) =>
      [one, other][at].channel(`pres-${RUN}`, { config: { presence: { key } } }),
    );
    second.on("presence", { event: "join" }, ({ key }) => seen.push(`join ${key}`));
    second.on("presence", { event: "leave" }, ({ key }) => seen.push(`leave ${key}`));
    first.on("presence", { event: "sync" }, () => {});
    await subscribe(first);
    await subscribe(second);
    const tracked = await first.track({ mood: "ok" });
    await until(() => second.presenceState().one, "tracked");
    const state = second.presenceState().one.map(({ mood }) => mood);
    await first.untrack();
    await until(() => !second.presenceState().one, "untracked");
    await first.track({ mood: "back" });
    await until(() => second.presenceState().one, "tracked again");
    one.realtime.disconnect();
    await until(() => !second.presenceState().one, "gone");
    return { tracked, state, seen };
  },

  async privately() {
    const admin = connect(SECRET_KEY);
    const email = `js-${RUN}@example.com`;
    const password = "correct horse battery";
    const made = await admin.auth.admin.createUser({ email, password, email_confirm: true });
    if (made.error) throw made.error;
    const client = connect(PUBLISHABLE_KEY);
    const signed = await client.auth.signInWithPassword({ email, password });
    if (signed.error) throw signed.error;
    await client.realtime.setAuth(signed.data.session.access_token);
    const heard = [];
    const own = client.channel(`js-${made.data.user.id}`, { config: { private: true } });
    own.on("broadcast", { event: "*" }, (message) => heard.push(message));
    const states = [(await subscribe(own))[0]];
    const foreign = client.channel("js-somebody", { config: { private: true } });
    states.push((await subscribe(foreign))[0]);
    const shout = { p_topic: `js-${made.data.user.id}`, p_text: "from the database" };
    const { error } = await admin.rpc("js_shout", shout);
    if (error) throw error;
    await until(() => heard.length, "database broadcast");
    const again = connect(PUBLISHABLE_KEY);
    await again.realtime.setAuth(signed.data.session.access_token);
    const replayed = [];
    const late = again.channel(`js-${made.data.user.id}`, {
      config: { private: true, broadcast: { replay: { since: Date.now() - 60_000, limit: 5 } } },
    });
    late.on("broadcast", { event: "*" }, (message) => replayed.push(message));
    await subscribe(late);
    await until(() => replayed.length, "replay");
    await admin.auth.admin.deleteUser(made.data.user.id);
    return {
      states,
      text: heard[0].payload.text,
      hasId: heard[0].meta?.id === heard[0].payload.id,
      replayed: replayed.map(({ payload, meta }) => [payload.text, meta.replayed]),
    };
  },

  async changes() {
    const admin = connect(SECRET_KEY);
    const heard = [];
    const notes = [];
    const channel = admin.channel(`db-${RUN}`);
    const tagged = { event: "*", schema: "public", table: "js_cats", filter: `run=eq.${RUN}` };
    channel.on("postgres_changes", tagged, (change) => heard.push(change));
    channel.on("system", {}, (note) => notes.push(note.message));
    const states = await subscribe(channel);
    await until(() => notes.includes("Subscribed to PostgreSQL"), "subscribed to changes");
    const cats = () => admin.from("js_cats");
    const { data, error } = await cats().insert([{ run: "x" }, { run: RUN, name: "Tom" }]).select("id");
    if (error) throw error;
    await until(() => heard.length === 1, "insert");
    await cats().update({ name: "Kit" }).eq("run", RUN);
    await until(() => heard.length === 2, "update");
    await cats().delete().in("id", data.map(({ id }) => id));
    return {
      states,
      told: heard.map((change) => [change.eventType, change.new.name, change.errors]),
      oldIsKey: JSON.stringify(Object.keys(heard[1].old)),
    };
  },

  // With a token of a user that lives for seconds.
  async expiry() {
    const states = [];
    const client = connect(PUBLISHABLE_KEY);
    await client.realtime.setAuth(shortToken(4));
    client
      .channel("user-of-token", { config: { private: false } })
      .subscribe((state, error) => states.push([state, error?.message ?? ""]));
    await until(() => states.length > 1, "the end of the token");
    return states;
  },
};

const answers = {};
for (const [name, ask] of Object.entries(questions)) {
  if (name === "binary" && VSN === "1.0.0") continue; // that serializer has no binary frames
  if ((name === "expiry") !== Boolean(JWT_SECRET)) continue;
  answers[name] = await ask();
}
for (const client of clients) client.realtime.disconnect();
answers.subscribed = REALTIME_SUBSCRIBE_STATES.SUBSCRIBED;
console.log(JSON.stringify(answers));
process.exit(0);
