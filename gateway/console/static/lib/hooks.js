// Hooks of the pages: data of the gateway, streams, and views that draw themselves.

import { get } from "/console/lib/api.js";
import { Stream } from "/console/lib/stream.js";
import { h, useCallback, useEffect, useRef, useState } from "/console/vendor/preact.js";

/**
 * Read `path`, and read it again every `every` milliseconds (0: once) while the page is visible.
 *
 * Returns `{ data, error, isLoading, reload }`. What was read stays while it is read anew, also after an
 * error, and is dropped when `path` changes. A null path reads nothing.
 */
export function useData(path, { every = 0 } = {}) {
  const [state, setState] = useState({ path: null, data: null, error: null });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((value) => value + 1), []);
  useEffect(() => {
    if (path === null) return undefined;
    let isOver = false;
    let timer = null;
    const read = async () => {
      try {
        const data = document.hidden && every ? undefined : await get(path);
        if (!isOver && data !== undefined) setState({ path, data, error: null });
      } catch (error) {
        if (!isOver) setState((old) => ({ path, data: old.path === path ? old.data : null, error }));
      }
      if (!isOver && every) timer = setTimeout(read, every);
    };
    read();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [path, every, round]);
  const isCurrent = state.path === path;
  return { data: isCurrent ? state.data : null, error: isCurrent ? state.error : null, isLoading: path !== null && !isCurrent, reload };
}

/** Follow a stream of the gateway while the component is shown; `onEvent(name, data)` may change at each drawing. */
export function useStream(path, onEvent) {
  const handler = useRef(onEvent);
  handler.current = onEvent;
  const [refusal, setRefusal] = useState(null);
  useEffect(() => {
    if (path === null) return undefined;
    setRefusal(null);
    const stream = new Stream(path, {
      onEvent: (name, data) => handler.current(name, data),
      onOpen: () => {},
      onLost: () => {},
      onRefused: setRefusal,
    });
    return () => stream.stop();
  }, [path]);
  return refusal;
}

/** Make a component of a view that draws itself: `open(element, ...params)` returns an object with `close()`. */
export function viewOf(open) {
  return function View({ params }) {
    const element = useRef(null);
    useEffect(() => {
      const view = open(element.current, ...params);
      return () => view.close();
    }, params);
    return h("div", { class: "view", ref: element });
  };
}
