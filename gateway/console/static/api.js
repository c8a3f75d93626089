// The gateway's JSON. The key lives in this tab's session storage, and only when one is needed.

const KEY = "cogo-key";

/** What the gateway refused; `status` 0: it was not reached. */
export class Refused extends Error {
  constructor(status, problem) {
    super([problem.detail ?? "the request failed", problem.hint].filter(Boolean).join(" – "));
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.problem = problem;
  }
}

export const keyOf = () => sessionStorage.getItem(KEY);

export function useKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** Exchange the one-time token of the address, where there is one, for a key of this tab. */
export async function openSession() {
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  const options = { method: "POST", headers: { Authorization: `Bearer ${token}` } };
  useKey((await body(await sent("/console/session", options))).key);
}

export function headers() {
  const key = keyOf();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export async function get(path) {
  return body(await sent(path, { headers: headers() }));
}

export async function post(path, data = undefined, more = {}) {
  const options = { method: "POST", headers: { ...headers(), ...more } };
  if (data !== undefined) {
    options.body = JSON.stringify(data);
    options.headers["Content-Type"] = "application/json";
  }
  return body(await sent(path, options));
}

/** Read what a failed answer says. Tells the page when it is about the key. */
export async function refusal(answer) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    problem = { detail: `the gateway answered ${answer.status}` };
  }
  const refused = new Refused(answer.status, problem);
  if (answer.status === 401) askForKey(refused);
  return refused;
}

/** Tell the page that a key is needed, or another one, and why. */
export function askForKey(refused) {
  document.dispatchEvent(new CustomEvent("cogo:key", { detail: refused }));
}

async function sent(path, options) {
  try {
    return await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Refused(0, { code: "unreachable", detail: "the gateway cannot be reached" });
  }
}

async function body(answer) {
  if (!answer.ok) throw await refusal(answer);
  return answer.json();
}
