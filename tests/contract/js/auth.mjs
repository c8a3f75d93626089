// What supabase-js gets from Auth: one account's life, printed as one object.
import { createClient } from "@supabase/supabase-js";
import ws from "ws";

const { SUPABASE_URL, SUPABASE_KEY, SUPABASE_SECRET_KEY, EMAIL } = process.env;
const password = "long enough";
const storage = () => {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
};
const open = (key) =>
  createClient(SUPABASE_URL, key, {
    auth: { persistSession: true, autoRefreshToken: false, storage: storage() },
    realtime: { transport: ws }, // before version 22 Node has no WebSocket of its own
  });
const failure = ({ error }) =>
  error && { name: error.name, status: error.status, code: error.code, reasons: error.reasons };

const [person, elsewhere, service] = [open(SUPABASE_KEY), open(SUPABASE_KEY), open(SUPABASE_SECRET_KEY)];
const events = [];
person.auth.onAuthStateChange((event) => events.push(event));
const told = {};

const made = await person.auth.signUp({ email: EMAIL, password, options: { data: { team: "a" } } });
told.made = {
  failure: failure(made),
  hasSession: Boolean(made.data.session),
  identities: made.data.user?.identities?.map((each) => each.provider),
  metadata: made.data.user?.user_metadata,
};
told.again = failure(await elsewhere.auth.signUp({ email: EMAIL, password }));
told.weak = failure(await elsewhere.auth.signUp({ email: `x${EMAIL}`, password: "short" }));
told.wrong = failure(await elsewhere.auth.signInWithPassword({ email: EMAIL, password: "wrong" }));

const first = made.data.session;
const renewed = await person.auth.refreshSession();
told.renewed = {
  failure: failure(renewed),
  rotated: renewed.data.session?.refresh_token !== first?.refresh_token,
};
told.unknownRefresh = failure(await elsewhere.auth.refreshSession({ refresh_token: "made up" }));
const { data: who } = await person.auth.getUser();
told.isMe = who.user?.id === made.data.user?.id;
const { data: claimed } = await person.auth.getClaims();
told.claims = { email: claimed?.claims.email, role: claimed?.claims.role };
const changed = await person.auth.updateUser({ data: { colour: "blue" } });
told.changed = { failure: failure(changed), metadata: changed.data.user?.user_metadata };
told.same = failure(await person.auth.updateUser({ password }));

await elsewhere.auth.signInWithPassword({ email: EMAIL, password });
told.others = failure(await person.auth.signOut({ scope: "others" }));
told.ended = failure(await elsewhere.auth.getUser());
told.notAdmin = failure(await person.auth.admin.listUsers());

const admin = service.auth.admin;
const id = made.data.user.id;
const updated = await admin.updateUserById(id, { app_metadata: { plan: "pro" } });
told.updated = { failure: failure(updated), plan: updated.data.user?.app_metadata.plan };
const page = await admin.listUsers({ page: 1, perPage: 1 });
told.page = { failure: failure(page), users: page.data.users.length, counted: page.data.total >= 1 };
told.found = (await admin.getUserById(id)).data.user?.email;
told.signedOut = failure(await person.auth.signOut());
told.removed = failure(await admin.deleteUser(id));
told.gone = failure(await admin.getUserById(id));
told.nobody = failure(await elsewhere.auth.signInWithPassword({ email: EMAIL, password }));
told.events = events;

console.log(JSON.stringify(told));
