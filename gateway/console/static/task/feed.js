// The stream of a task and of its child tasks, opened once for all parts of a page.

import { useStream } from "/console/lib/hooks.js";
import { useEffect, useMemo, useRef, useState } from "/console/vendor/preact.js";

/** What was heard so far, for those who begin to listen later. */
class Feed {
  #heard = [];
  #listeners = new Set();

  push(name, data) {
    this.#heard.push([name, data]);
    for (const each of this.#listeners) each(name, data);
  }

  /** Call `listener(name, data)` for what was heard so far and from now on; return a function that ends it. */
  subscribe = (listener) => {
    for (const [name, data] of this.#heard) listener(name, data);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** Follow a task; return `{ subscribe, refusal }`, where `refusal` is the error of a stream that was refused. `onOpen` as of `useStream`. */
export function useFeed(taskId, onOpen) {
  const feed = useMemo(() => new Feed(), [taskId]);
  const refusal = useStream(taskId ? `/tasks/${taskId}/events?children=true` : null, (name, data) => feed.push(name, data), onOpen);
  return { subscribe: feed.subscribe, refusal };
}

/** Apply each event of a feed, what was heard before, too; the component is drawn again at most every `ms` milliseconds. */
export function useEvents(subscribe, apply, ms) {
  const [, setVersion] = useState(0);
  const latest = useRef(null);
  latest.current = apply;
  useEffect(() => {
    let timer = null;
    const draw = () => {
      timer = null;
      setVersion((value) => value + 1);
    };
    const unsubscribe = subscribe((name, data) => {
      latest.current(name, data);
      timer ??= setTimeout(draw, ms);
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [subscribe]);
}
