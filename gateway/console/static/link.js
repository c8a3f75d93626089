// How the line to the gateway is: one sentence in the bar, and a banner while it is away.

import { byId } from "/console/dom.js";

let retryAt = 0;
let timer = null;

export function open() {
  clearInterval(timer);
  timer = null;
  byId("banner").hidden = true;
  say("live", "live");
}

export function lost(at) {
  retryAt = at;
  const banner = byId("banner");
  banner.hidden = false;
  say("away", "away");
  tick();
  timer ??= setInterval(tick, 500);
}

export function refused(sentence) {
  clearInterval(timer);
  timer = null;
  const banner = byId("banner");
  banner.hidden = false;
  banner.textContent = sentence;
  say("away", "refused");
}

function tick() {
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  byId("banner").textContent =
    seconds > 0 ? `Gateway unreachable, retrying in ${seconds} s.` : "Gateway unreachable, retrying now.";
}

function say(state, word) {
  const link = byId("link");
  link.className = `link ${state}`;
  if (link.textContent !== word) link.textContent = word;
}
