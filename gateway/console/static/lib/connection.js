// The state of the connection to the gateway: a word in the bar, and a banner while it is lost.

import { byId } from "/console/lib/dom.js";

let retryAt = 0;
let timer = null;

export function showOpen() {
  clearInterval(timer);
  timer = null;
  byId("banner").hidden = true;
  setState("live", "live");
}

export function showLost(at) {
  retryAt = at;
  byId("banner").hidden = false;
  setState("away", "offline");
  showCountdown();
  timer ??= setInterval(showCountdown, 500);
}

export function showRefused(sentence) {
  clearInterval(timer);
  timer = null;
  const banner = byId("banner");
  banner.hidden = false;
  banner.textContent = sentence;
  setState("away", "refused");
}

function showCountdown() {
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  byId("banner").textContent =
    seconds > 0 ? `Gateway unreachable, retrying in ${seconds} s.` : "Gateway unreachable, retrying now.";
}

function setState(state, word) {
  const link = byId("link");
  link.className = `link ${state}`;
  if (link.textContent !== word) link.textContent = word;
}
