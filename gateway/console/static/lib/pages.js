// Lists that the gateway gives page by page.

import { get } from "/console/lib/api.js";
import { useData } from "/console/lib/hooks.js";
import { useEffect, useState } from "/console/vendor/preact.js";

const NOTHING = { path: null, rows: [], next: undefined, error: null };

/**
 * Read a list of which the answers are `{ [name]: rows, next }`. Rows get the `prompt` of their task if the answer has `prompts`. The first page is read again every `every` milliseconds until further ones are shown.
 *
 * Returns `{ rows, error, isLoading, isMore, showMore, reload }`. `parameter` takes `next`.
 */
export function usePages(path, name, { every = 0, parameter = "before" } = {}) {
  const [later, setLater] = useState(NOTHING);
  const further = later.path === path ? later : NOTHING;
  const first = useData(path, { every: further.rows.length ? 0 : every });
  useEffect(() => setLater(NOTHING), [path]);
  const next = further.next === undefined ? (first.data?.next ?? null) : further.next;
  const showMore = async () => {
    try {
      const page = await get(`${path}${path.includes("?") ? "&" : "?"}${parameter}=${encodeURIComponent(next)}`);
      setLater((old) => ({ path, rows: [...(old.path === path ? old.rows : []), ...readRows(page, name)], next: page.next, error: null }));
    } catch (error) {
      setLater((old) => ({ ...(old.path === path ? old : { ...NOTHING, path }), next, error }));
    }
  };
  const reload = () => {
    setLater(NOTHING);
    first.reload();
  };
  return { rows: [...(first.data ? readRows(first.data, name) : []), ...further.rows], error: first.error ?? further.error, isLoading: first.isLoading, isMore: next !== null, showMore, reload };
}

const readRows = ({ prompts, ...page }, name) => (prompts ? page[name].map((each) => ({ ...each, prompt: prompts[each.task_id] ?? null })) : page[name]);
