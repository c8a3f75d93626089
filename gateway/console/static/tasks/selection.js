// Which tasks are selected: by their boxes, over several pages, or all that meet the filters.

import { useEffect, useRef, useState } from "/console/vendor/preact.js";

/** Return the selection of the table. It ends when the filters change, not when one pages. */
export function useSelection(query) {
  const filters = new URLSearchParams(query);
  filters.delete("before");
  const key = filters.toString();
  const [state, setState] = useState({ key, chosen: new Map(), isAll: false });
  const anchor = useRef(null);
  const current = state.key === key ? state : { key, chosen: new Map(), isAll: false };
  useEffect(() => {
    anchor.current = null;
  }, [key]);
  const set = (chosen, isAll = false) => setState({ key, chosen, isAll });
  const { chosen, isAll } = current;
  return {
    chosen,
    isAll,
    size: isAll ? Infinity : chosen.size,
    clear: () => set(new Map()),
    selectAll: () => set(new Map(), true),
    /** Return the part that concerns the rows of a page. */
    of: (tasks) => ({
      has: (id) => isAll || chosen.has(id),
      isPage: tasks.length > 0 && (isAll || tasks.every((task) => chosen.has(task.id))),
      toggle: (task, isRange) => {
        const changed = new Map(isAll ? tasks.map((each) => [each.id, each]) : chosen);
        const isOn = !changed.has(task.id);
        for (const each of isRange ? findRange(tasks, anchor.current, task.id) : [task]) {
          if (isOn) changed.set(each.id, each);
          else changed.delete(each.id);
        }
        anchor.current = task.id;
        set(changed);
      },
      togglePage: () => {
        const isOn = isAll || tasks.every((task) => chosen.has(task.id));
        const changed = new Map(isAll ? [] : chosen);
        for (const each of tasks) {
          if (isOn) changed.delete(each.id);
          else changed.set(each.id, each);
        }
        set(changed);
      },
    }),
  };
}

/** Return the tasks from the one that was selected last to another. */
export function findRange(tasks, from, to) {
  const [a, b] = [from, to].map((id) => tasks.findIndex((task) => task.id === id));
  if (a < 0) return tasks.slice(b, b + 1);
  return tasks.slice(Math.min(a, b), Math.max(a, b) + 1);
}
