// Times in the table: how long ago, with the exact time as the title, or the other way round.

import { moment } from "/console/lib/format.js";
import { h, useState } from "/console/vendor/preact.js";

const KEY = "cogo-exact-times";
const UNITS = [["day", 86_400], ["hour", 3_600], ["min", 60], ["s", 1]];

/** Return whether exact times are shown, and a function that changes it; this browser remembers it. */
export function useExactTimes() {
  const [isExact, setExact] = useState(readChoice);
  return [isExact, () => setExact(writeChoice(!isExact))];
}

/** How long ago something was: in its largest unit, and as a date after a month. */
export function describeAgo(iso, at) {
  const seconds = Math.round((at - new Date(iso)) / 1_000);
  if (seconds < 5) return "now";
  if (seconds > 30 * 86_400) return moment(iso).replace(/ [\d:]+$/, "");
  const [unit, size] = UNITS.find(([, each]) => seconds >= each);
  const number = Math.floor(seconds / size);
  return `${number} ${unit}${number > 1 && (unit === "day" || unit === "hour") ? "s" : ""} ago`;
}

export function Time({ iso, at, isExact }) {
  const [ago, exact] = [describeAgo(iso, at), moment(iso)];
  return h("time", { datetime: iso, title: isExact ? ago : exact }, isExact ? exact : ago);
}

function readChoice() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}

function writeChoice(isExact) {
  try {
    if (isExact) localStorage.setItem(KEY, "1");
    else localStorage.removeItem(KEY);
  } catch {
    // It lasts until the page is left.
  }
  return isExact;
}
