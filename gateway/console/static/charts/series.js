// Rows of GET /usage as series of charts: the dearest by name, the others together.

import { nameOwner } from "/console/operate/parts.js";

/** Colours that differ enough; what is less is drawn together. */
export const MOST_SERIES = 8;

export const KEYS = [
  ["model", "Model"],
  ["provider", "Provider"],
  ["owner", "Owner"],
  ["type", "Type"],
  ["project", "Project"],
  ["tag", "Tag"],
];

/** Name the value of a key in a row. */
export function nameValue(row, key) {
  const value = row[key];
  const name = key === "owner" ? nameOwner(value) : (value ?? `no ${key}`);
  return row.simulated ? `${name} (simulated)` : name;
}

function groupBy(rows, name) {
  const groups = new Map();
  for (const row of rows) {
    const key = name(row);
    if (groups.has(key)) groups.get(key).push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

const sumOf = (rows, measure) => rows.reduce((sum, row) => sum + Number(measure(row) ?? 0), 0);
const idOf = (row, key) => JSON.stringify([row[key] ?? null, row.simulated]);

/**
 * Return `[{ name, values, place }]`, a value for each bucket: the series with the largest sums first,
 * then what is left. `place` is that among `order`, so that a name has one colour in all charts.
 */
export function stackSeries(rows, key, buckets, measure, order) {
  const byId = groupBy(rows, (row) => idOf(row, key));
  const kept = order.slice(0, MOST_SERIES);
  const groups = kept.filter((id) => byId.has(id)).map((id) => [nameValue(byId.get(id)[0], key), byId.get(id), kept.indexOf(id)]);
  const rest = rows.filter((row) => !kept.includes(idOf(row, key)));
  if (rest.length) groups.push([`${new Set(rest.map((row) => idOf(row, key))).size} others`, rest, MOST_SERIES]);
  return groups
    .map(([name, own, place]) => {
      const byBucket = groupBy(own, (row) => row.bucket);
      return { name, place, values: buckets.map((bucket) => sumOf(byBucket.get(bucket) ?? [], measure)) };
    })
    .filter(({ values }) => values.some((value) => value > 0));
}

/** Return the ids of the values of a key, the dearest first, then those with the most calls. */
export function orderSeries(rows, key) {
  const groups = [...groupBy(rows, (row) => idOf(row, key))];
  const rank = ([, own]) => [sumOf(own, (row) => row.cost_usd), sumOf(own, (row) => row.calls)];
  return groups
    .map(([id, own]) => [id, rank([id, own])])
    .sort(([, a], [, b]) => b[0] - a[0] || b[1] - a[1])
    .map(([id]) => id);
}

/** Return one line of values by bucket; null where there were no calls. */
export function lineOf(rows, buckets, measure) {
  const byBucket = new Map(rows.map((row) => [row.bucket, row]));
  return buckets.map((bucket) => (byBucket.has(bucket) ? (measure(byBucket.get(bucket)) ?? null) : null));
}

/** Return the rows of real calls, or all if there are none: percentiles cannot be added up. */
export function realRows(rows) {
  const real = rows.filter((row) => !row.simulated);
  return real.length ? real : rows;
}

export const tokensOf = (row) => row.input_tokens + row.cached_tokens + row.cache_write_tokens + row.output_tokens;

export const sumRows = sumOf;
