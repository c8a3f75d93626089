// Who reads: an API key, or a user of the Supabase project. Kept in this tab's session storage only.

import { forgetDrafts } from "/console/lib/draft.js";

const KEY = "cogo-key";
const USER = "cogo-user";
/** Tokens are renewed this long before they expire. */
const EARLY_MS = 60_000;
let renewal = null;

/** Return the key or access token that requests carry, or null. */
export const getKey = () => sessionStorage.getItem(KEY);

export function setKey(key) {
  sessionStorage.removeItem(USER);
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** Return the e-mail address of the signed-in user, or null. */
export const getEmail = () => readUser()?.email ?? null;

/** Keep the session that Auth gave for a user. What another user had typed before in this tab is forgotten. */
export function setUser(email, { access_token: token, refresh_token: next, expires_in: seconds }) {
  if (![null, email].includes(getEmail())) forgetDrafts();
  setKey(token);
  sessionStorage.setItem(USER, JSON.stringify({ email, next, until: Date.now() + seconds * 1000 }));
}

export function buildHeaders() {
  const key = getKey();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Renew the session of a user that soon expires. A session that cannot be renewed stays: its next request is refused. */
export async function renew() {
  const user = readUser();
  if (!user || user.until - Date.now() > EARLY_MS) return;
  renewal ??= requestRenewal(user).finally(() => (renewal = null));
  await renewal;
}

async function requestRenewal({ email, next }) {
  try {
    const answer = await fetch("/console/refresh", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: next }),
    });
    const isSame = readUser()?.next === next; // nobody has signed out or in meanwhile
    if (answer.ok && isSame) setUser(email, await answer.json());
  } catch {
    // Unreachable: the request that waits for this fails in the same way, and says so.
  }
}

function readUser() {
  const text = sessionStorage.getItem(USER);
  return text === null ? null : JSON.parse(text);
}
