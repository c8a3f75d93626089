// The dialog that asks who reads: a user of the project by e-mail address with a password or a code, or an API key.

import { sendCode, signIn } from "/console/lib/api.js";
import { byId } from "/console/lib/dom.js";
import { forgetDrafts } from "/console/lib/draft.js";
import { Said } from "/console/lib/said.js";
import { getEmail, getKey, setKey } from "/console/lib/session.js";
import { h, render } from "/console/vendor/preact.js";

const say = (text) => render(h(Said, { text }), byId("key-why"));

/** Let the page ask when a request is refused, and when the button is pressed. */
export function listen() {
  byId("sign-in").addEventListener("submit", submit);
  byId("send-code").addEventListener("click", askForCode);
  byId("key-dialog").addEventListener("close", close);
  byId("key-button").addEventListener("click", () => ask());
  document.addEventListener("cogo:key", (event) => ask(event.detail));
}

/** Show whose the page is. */
export function showReader() {
  byId("key-button").hidden = getKey() === null;
  byId("key-button").textContent = getEmail() ?? "API key";
}

/** Ask who reads, because of `error` if there is one. */
export function ask(error = null) {
  const dialog = byId("key-dialog");
  // Keep the first reason: later requests fail only because the key is missing.
  if (error && !dialog.open) say(getKey() || error.code === "token_spent" ? error.message : "");
  byId("key-button").hidden = false;
  byId("forget").hidden = getKey() === null;
  byId("forget").textContent = getEmail() ? "Sign out" : "Forget it";
  if (!dialog.open) dialog.showModal();
}

async function submit(event) {
  event.preventDefault();
  const hasCode = !byId("code-field").hidden;
  const [email, secret, button] = [byId("email"), byId(hasCode ? "code" : "password"), byId("sign-in-button")];
  button.disabled = true;
  try {
    await signIn(email.value.trim(), hasCode ? { code: secret.value.trim() } : { password: secret.value });
    secret.value = "";
    location.reload(); // as this user
  } catch (error) {
    say(error.message);
    secret.focus();
  } finally {
    button.disabled = false;
  }
}

async function askForCode() {
  const [email, button] = [byId("email"), byId("send-code")];
  if (!email.reportValidity()) return;
  button.disabled = true;
  try {
    await sendCode(email.value.trim());
    byId("password-field").hidden = true;
    byId("password").required = false;
    byId("code-field").hidden = false;
    byId("code").required = true;
    say("If this address is that of a user, a code is on its way to it.");
    button.textContent = "E-mail me another code";
    byId("code").focus();
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
  }
}

function close() {
  const { returnValue } = byId("key-dialog");
  const typed = byId("key").value.trim();
  byId("key").value = "";
  if (returnValue === "use" && typed) setKey(typed);
  else if (returnValue === "forget") {
    setKey(null);
    forgetDrafts();
  } else return;
  location.reload(); // with the new key
}
