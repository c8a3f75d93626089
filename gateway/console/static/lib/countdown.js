// Times until something happens, which tick while they are on the page.

import { moment, remaining } from "/console/lib/format.js";
import { useNow } from "/console/lib/hooks.js";
import { now } from "/console/lib/server_clock.js";
import { h } from "/console/vendor/preact.js";

/** The time until `iso`: "in 4 min 10 s". */
export function Countdown({ iso }) {
  useNow();
  return h("time", { class: "countdown", datetime: iso, title: moment(iso) }, describeTimeLeft(iso));
}

export function describeTimeLeft(iso) {
  const ms = new Date(iso) - now();
  return ms > 0 ? `in ${remaining(ms)}` : "now";
}
