// Times until something happens, which tick while they are on the page.

import { h } from "/console/lib/dom.js";
import { moment, remaining } from "/console/lib/format.js";
import { now } from "/console/lib/server_clock.js";

const EVERY_MS = 1_000;

/** Build the time until `iso`: "in 4 min 10 s". */
export function buildCountdown(iso) {
  return h("time", { class: "countdown", datetime: iso, title: moment(iso) }, describe(iso));
}

const describe = (iso) => {
  const ms = new Date(iso) - now();
  return ms > 0 ? `in ${remaining(ms)}` : "now";
};

function tick() {
  if (document.hidden) return;
  for (const each of document.querySelectorAll("time.countdown")) {
    const text = describe(each.dateTime);
    if (each.textContent !== text) each.textContent = text;
  }
}

setInterval(tick, EVERY_MS);
