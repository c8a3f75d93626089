// The gateway's JSON API.

import { learnTime } from "/console/lib/server_clock.js";
import { buildHeaders, renew, setKey, setUser } from "/console/lib/session.js";

/** A request that reads, and has no answer by then, is given up: whoever polls asks again. */
const READ_MS = 20_000;

/** An error from the gateway; `status` is 0 if it could not be reached. */
export class ApiError extends Error {
  constructor(status, problem) {
    super([problem.detail ?? "the request failed", problem.hint].filter(Boolean).join(" – "));
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.problem = problem;
  }
}

const readToken = () => /^#token=([\w-]+)$/.exec(location.hash)?.[1];

/** Whether the address has a one-time token, also one that was pasted into an open tab. */
export const hasToken = () => readToken() !== undefined;

/** Exchange the one-time token in the address, if there is one, for a key of this tab. */
export async function openSession() {
  const token = readToken();
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  const options = { method: "POST", headers: { Authorization: `Bearer ${token}` } };
  setKey((await readBody(await send("/console/session", options))).key);
}

/** Sign a user of the project in, with a password or a code from an e-mail. */
export async function signIn(email, { password, code }) {
  const path = code === undefined ? "/console/sign-in" : "/console/sign-in/code";
  setUser(email, await sendPlain(path, { email, password, code }));
}

/** Have a code sent to a user of the project. */
export const sendCode = (email) => sendPlain("/console/code", { email });

async function sendPlain(path, data) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) };
  return readBody(await send(path, options), { asks: false });
}

export async function get(path) {
  await renew();
  return readBody(await send(path, { headers: buildHeaders(), signal: AbortSignal.timeout(READ_MS) }));
}

export const post = (path, data = undefined, more = {}) => write("POST", path, data, more);
export const put = (path, data = undefined) => write("PUT", path, data);
export const remove = (path) => write("DELETE", path);

async function write(method, path, data = undefined, more = {}) {
  await renew();
  const options = { method, headers: { ...buildHeaders(), ...more } };
  if (data !== undefined) {
    options.body = JSON.stringify(data);
    options.headers["Content-Type"] = "application/json";
  }
  return readBody(await send(path, options));
}

/** Return the error of a failed response. On 401, also ask the user for a key, unless `asks` is false. */
export async function readError(answer, { asks = true } = {}) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    problem = { detail: `the gateway answered ${answer.status}` };
  }
  const error = new ApiError(answer.status, problem);
  if (answer.status === 401 && asks) askForKey(error);
  return error;
}

/** Make the page ask the user for a key. */
export function askForKey(error) {
  document.dispatchEvent(new CustomEvent("cogo:key", { detail: error }));
}

/**
 * Call `work` every `ms` milliseconds while the page is visible, until it returns true. An error is
 * reported, and does not end it.
 */
export async function poll(ms, work, hiddenMs = Infinity) {
  let last = -Infinity;
  for (;;) {
    const isDue = !document.hidden || performance.now() - last >= hiddenMs;
    if (isDue) last = performance.now();
    try {
      if (isDue && (await work())) return;
    } catch (error) {
      console.error(error);
    }
    await new Promise((done) => setTimeout(done, ms));
  }
}

async function send(path, options) {
  try {
    const answer = await fetch(path, { cache: "no-store", ...options });
    learnTime(answer.headers.get("Date"));
    return answer;
  } catch {
    throw new ApiError(0, { code: "unreachable", detail: "the gateway cannot be reached" });
  }
}

async function readBody(answer, options) {
  if (!answer.ok) throw await readError(answer, options);
  if (answer.status === 204) return null;
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "SyntaxError") throw error;
    throw new ApiError(0, { code: "unreachable", detail: "the gateway stopped answering" });
  }
}
