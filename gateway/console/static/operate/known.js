// What exists now, to choose from and to warn of names that are not among it.

import { nameColumn } from "/console/columns/words.js";
import { clip } from "/console/lib/json_view.js";
import { getReader } from "/console/lib/reader.js";
import { useData } from "/console/lib/hooks.js";
import { useRef } from "/console/vendor/preact.js";

const KEYS_EVERY_MS = 60_000;

/**
 * Return the known values of each scope of a cap as `[value, label]`; undefined while they are unknown. It is the same
 * object at each drawing, so that an open dialog learns what is read after it was opened.
 */
export function useKnown(isWanted = true) {
  const read = (path) => useData(isWanted ? path : null).data;
  const [projects, models, columns, facets] = ["/projects", "/models", "/columns", "/tasks/facets"].map(read);
  const pairs = (values) => values && [...new Set(values)].sort().map((each) => [each, undefined]);
  return Object.assign(useRef({}).current, {
    project: pairs(projects?.projects.map((each) => each.name)),
    provider: pairs(models?.models.map((each) => each.provider)),
    column: columns?.columns.map((each) => [each.id, nameColumn(each)]),
    owner: facets && [["none", "tasks without an owner"], ["*", "each user without a cap of their own"], ["anonymous", "all anonymous sign-ins"], ...pairs(facets.owners.filter((each) => each !== "none"))],
  });
}

/** Return a function that names who did something: an API key by its name, as far as the reader may list keys. */
export function useNames(isWanted = true) {
  const { data } = useData(isWanted && getReader()?.is_operator ? "/keys" : null, { every: KEYS_EVERY_MS });
  const names = new Map(data?.keys.map((each) => [`key:${each.id}`, each.name]) ?? []);
  return (who) => (names.has(who) ? `${clip(names.get(who), 60)} (${clip(who, 60)})` : clip(who, 100));
}
