// Periods of the charts: what the address names, which buckets they have, and how these are written.

const DAY_MS = 86_400_000;

/** Each has `days` of today and before it, or ends `until` so many days ago. */
export const PERIODS = [
  { id: "today", label: "Today", days: 1 },
  { id: "yesterday", label: "Yesterday", days: 1, until: 1 },
  { id: "7d", label: "7 days", days: 7 },
  { id: "30d", label: "30 days", days: 30 },
  { id: "90d", label: "90 days", days: 90 },
  { id: "12m", label: "12 months", days: 365 },
];
const DEFAULT = "30d";

/** Return the day of a time in a time zone, as 2026-11-01. */
function dayOf(ms, zone) {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(ms);
  const part = (type) => parts.find((each) => each.type === type).value;
  return `${part("year")}-${part("month")}-${part("day")}`;
}

/** Return a day so many days later, as 2026-11-01. */
export const addDays = (day, days) => new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);

/** Return the time zone of the address, of this browser or UTC. */
export function readZone(query) {
  const zone = query.get("zone") ?? "UTC";
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

export const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/**
 * Return the period of the address: `{ id, since, until, bucket }`. `since` and `until` are days, `until`
 * not included.
 */
export function readPeriod(query, zone, nowMs) {
  const today = dayOf(nowMs, zone);
  const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(Date.parse(text));
  const [from, to] = [query.get("since"), query.get("until")];
  if (isDay(from) && isDay(to) && from < to) return withBucket({ id: null, since: from, until: to });
  const chosen = PERIODS.find(({ id }) => id === query.get("period")) ?? PERIODS.find(({ id }) => id === DEFAULT);
  const until = addDays(today, 1 - (chosen.until ?? 0));
  return withBucket({ id: chosen.id, since: addDays(until, -chosen.days), until });
}

function withBucket(period) {
  const days = (Date.parse(period.until) - Date.parse(period.since)) / DAY_MS;
  return { ...period, bucket: days <= 2 ? "hour" : days <= 120 ? "day" : "month" };
}

/** Return the names of all buckets of a report, also of those without calls. */
export function listBuckets({ since, until, bucket, zone }, nowMs) {
  const [begin, end] = [Date.parse(since), Math.min(Date.parse(until), nowMs)];
  const names = [];
  if (bucket === "hour") {
    for (let at = begin; at < end; at += DAY_MS / 24) names.push(`${new Date(at).toISOString().slice(0, 16)}Z`);
    return names;
  }
  const last = dayOf(Math.max(begin, end - 1), zone);
  const length = bucket === "month" ? 7 : 10;
  for (let day = dayOf(begin, zone); day <= last; day = addDays(day, 1)) {
    if (names.at(-1) !== day.slice(0, length)) names.push(day.slice(0, length));
  }
  return names;
}

/** Write a bucket as people do: `14:00`, `1 Nov`, `Nov 2026`. */
export function nameBucket(name, zone, isWhole = false) {
  if (name.length > 10) {
    const options = { timeZone: zone, hour: "2-digit", minute: "2-digit", hour12: false, ...(isWhole ? { day: "numeric", month: "short" } : {}) };
    return new Intl.DateTimeFormat("en-GB", options).format(new Date(name));
  }
  const options = { timeZone: "UTC", month: "short", ...(name.length > 7 ? { day: "numeric" } : {}), ...(isWhole || name.length <= 7 ? { year: "numeric" } : {}) };
  return new Intl.DateTimeFormat("en-GB", options).format(new Date(name));
}
