// Which tasks are selected: by their boxes, over several pages, or all that meet the filters.

import { useEffect, useRef, useState } from "/console/vendor/preact.js";

/** Return the selection of the table. It ends when the filters change, not when one pages. */
export function useSelection(query) {
  const filters = new URLSearchParams(query);
  filters.delete("before");
  const key = filters.toString();
  const [state, setState] = useState(NONE);
  const anchor = useRef(null);
  useEffect(() => {
    anchor.current = null;
  }, [key]);
  const read = (old) => (old.key === key ? old : NONE);
  // Of the newest state: several keys may be pressed before the table is drawn again.
  const change = (build) => setState((old) => ({ isAll: false, ...build(read(old)), key }));
  const { chosen, isAll } = read(state);
  return {
    chosen,
    isAll,
    size: isAll ? Infinity : chosen.size,
    clear: () => change(() => ({ chosen: new Map() })),
    selectAll: () => change(() => ({ chosen: new Map(), isAll: true })),
    /** Return the part that concerns the rows of a page. */
    of: (tasks) => ({
      has: (id) => isAll || chosen.has(id),
      isPage: tasks.length > 0 && (isAll || tasks.every((task) => chosen.has(task.id))),
      toggle: (task, isRange) => {
        const range = isRange ? findRange(tasks, anchor.current, task.id) : [task];
        anchor.current = task.id;
        change((old) => {
          const all = old.isAll ? new Map(tasks.map((each) => [each.id, each])) : old.chosen;
          return { chosen: mark(all, range, !all.has(task.id)) };
        });
      },
      togglePage: () => change((old) => ({ chosen: mark(old.chosen, tasks, !(old.isAll || tasks.every((task) => old.chosen.has(task.id)))) })),
    }),
  };
}

const NONE = { key: null, chosen: new Map(), isAll: false };

/** Return the selection with tasks, or without them. */
function mark(chosen, tasks, isOn) {
  const changed = new Map(chosen);
  for (const each of tasks) {
    if (isOn) changed.set(each.id, each);
    else changed.delete(each.id);
  }
  return changed;
}

/** Return the tasks from the one that was selected last to another. */
export function findRange(tasks, from, to) {
  const [a, b] = [from, to].map((id) => tasks.findIndex((task) => task.id === id));
  if (a < 0) return tasks.slice(b, b + 1);
  return tasks.slice(Math.min(a, b), Math.max(a, b) + 1);
}
