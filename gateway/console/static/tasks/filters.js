// What filters are on: read from the address, as words, and as the query that the gateway takes.

import { money } from "/console/lib/format.js";

export const PAGE = 100;
export const STATUSES = ["pending", "running", "held", "completed", "failed", "cancelled"];
/** Filters of which an address may have several. */
const REPEATED = ["status", "type", "model", "owner", "project", "tag"];
const SINGLE = ["q", "since", "until", "min_cost", "max_cost", "dead", "asking", "children"];
const FLAGS = { dead: "with dead letters", asking: "waits for a person", children: "with child tasks" };
const HOUR = 3_600_000;
/** Times that move on, so that a bookmark of the last day stays one. */
export const TIMES = { "1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days", noon: "since noon", today: "today", yesterday: "yesterday" };

/** Return whether any filter is on. */
export const hasFilters = (query) => [...REPEATED, ...SINGLE, "time"].some((name) => query.get(name));

/** Return the filters as the query that the gateway takes. */
export function buildFilters(query, now = Date.now()) {
  const asked = new URLSearchParams();
  for (const name of REPEATED) for (const value of query.getAll(name)) if (value) asked.append(name, value);
  for (const name of SINGLE) if (query.get(name)) asked.set(name, query.get(name));
  for (const [name, value] of Object.entries(readTimes(query, now))) asked.set(name, value);
  return asked;
}

/** Return the query for the page that the address names. */
export function buildPage(query, now = Date.now()) {
  const asked = buildFilters(query, now);
  asked.set("limit", PAGE);
  if (query.get("before")) asked.set("before", query.get("before"));
  return asked.toString();
}

/** Return the filters as the object that bulk actions take. */
export function buildFilterObject(query, now = Date.now()) {
  const asked = buildFilters(query, now);
  return Object.fromEntries(
    [...new Set(asked.keys())].map((name) => [name, REPEATED.includes(name) ? asked.getAll(name) : name in FLAGS ? asked.get(name) === "true" : asked.get(name)]),
  );
}

/** Return what is filtered by, each as `{ name, value, text }`. */
export function describeFilters(query) {
  const found = [];
  for (const name of REPEATED) for (const value of query.getAll(name)) if (value) found.push({ name, value, text: describeValue(name, value) });
  if (query.get("time")) found.push({ name: "time", value: query.get("time"), text: TIMES[query.get("time")] ?? `time: ${query.get("time")}` });
  for (const name of SINGLE) {
    const value = query.get(name);
    if (value) found.push({ name, value, text: describeSingle(name, value) });
  }
  return found;
}

/** Return the parameters of the address without one value of a filter. */
export function removeFilter(query, { name, value }) {
  return { [name]: REPEATED.includes(name) ? query.getAll(name).filter((each) => each !== value) : null, before: null };
}

/** Return a change of the address that ends all filters. */
export const clearFilters = () => Object.fromEntries([...REPEATED, ...SINGLE, "time", "before"].map((name) => [name, null]));

function describeValue(name, value) {
  if (value === "none") return `without ${name}`;
  return `${name}: ${name === "owner" ? value.slice(0, 8) : value}`;
}

function describeSingle(name, value) {
  if (name in FLAGS) return FLAGS[name];
  if (name === "q") return `“${value}”`;
  if (name === "min_cost") return `at least ${money(value)}`;
  if (name === "max_cost") return `at most ${money(value)}`;
  const at = new Date(value);
  return `${name} ${Number.isNaN(at.getTime()) ? value : at.toLocaleString([], { dateStyle: "medium", timeStyle: "short", hour12: false })}`;
}

/** Return `since` and `until` as the query names them, or as its `time` has them now. */
export function readTimes(query, now) {
  const found = {};
  const time = query.get("time");
  const length = /^(\d{1,4})([hd])$/.exec(time ?? "");
  if (length) found.since = now - Number(length[1]) * (length[2] === "h" ? 1 : 24) * HOUR;
  if (time === "noon") found.since = findNoon(now);
  if (time === "today" || time === "yesterday") found.since = findMidnight(now, time === "today" ? 0 : 1);
  if (time === "yesterday") found.until = findMidnight(now, 0);
  if (time && found.since === undefined) return { since: time }; // which the gateway refuses
  for (const name of ["since", "until"]) {
    const at = Date.parse(query.get(name) ?? "");
    if (!Number.isNaN(at)) found[name] = at;
  }
  return Object.fromEntries(Object.entries(found).map(([name, at]) => [name, new Date(at).toISOString()]));
}

/** Return the noon that was last: in the morning, that of yesterday. */
function findNoon(now) {
  const at = new Date(now);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() - (at.getHours() < 12 ? 1 : 0), 12).getTime();
}

function findMidnight(now, daysBefore) {
  const at = new Date(now);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() - daysBefore).getTime();
}
