// Times until something happens, which tick while they are on the page.

import { moment, remaining } from "/console/lib/format.js";
import { now } from "/console/lib/server_clock.js";
import { h, useEffect, useState } from "/console/vendor/preact.js";

const EVERY_MS = 1_000;

/** The time until `iso`: "in 4 min 10 s". */
export function Countdown({ iso }) {
  const [, setTime] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setTime(now()), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return h("time", { class: "countdown", datetime: iso, title: moment(iso) }, describeTimeLeft(iso));
}

export function describeTimeLeft(iso) {
  const ms = new Date(iso) - now();
  return ms > 0 ? `in ${remaining(ms)}` : "now";
}
