// Hooks of the pages: data and streams of the gateway, its time, and the size of the page.

import { get } from "/console/lib/api.js";
import { now } from "/console/lib/server_clock.js";
import { Stream } from "/console/lib/stream.js";
import { useCallback, useEffect, useRef, useState } from "/console/vendor/preact.js";

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

/**
 * Follow a stream of the gateway while the component is shown. `onEvent(name, data)` is called for each event and
 * `onOpen()` after each connection; both may change at each drawing. Returns the error of a stream that was refused.
 */
export function useStream(path, onEvent, onOpen = () => {}) {
  const handlers = useRef(null);
  handlers.current = { onEvent, onOpen };
  const [refusal, setRefusal] = useState(null);
  useEffect(() => {
    if (path === null) return undefined;
    setRefusal(null);
    const stream = new Stream(path, {
      onEvent: (name, data) => handlers.current.onEvent(name, data),
      onOpen: () => handlers.current.onOpen(),
      onLost: () => {},
      onRefused: setRefusal,
    });
    return () => stream.stop();
  }, [path]);
  return refusal;
}

/** Call `act()` when `value` is another one than before. */
export function useChange(value, act) {
  const before = useRef(value);
  useEffect(() => {
    if (before.current === value) return;
    before.current = value;
    act();
  }, [value]);
}

/** Return the time at the gateway, which goes on in steps of `every` milliseconds while `isRunning`. */
export function useNow(isRunning = true, every = 1_000) {
  const [time, setTime] = useState(now);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => document.hidden || setTime(now()), every);
    return () => clearInterval(timer);
  }, [isRunning, every]);
  return time;
}

/** Return whether the page fits a condition on its size now. */
export function useMedia(condition) {
  const [media] = useState(() => matchMedia(condition));
  const [isMet, setMet] = useState(media.matches);
  useEffect(() => {
    const listen = () => setMet(media.matches);
    media.addEventListener("change", listen);
    return () => media.removeEventListener("change", listen);
  }, []);
  return isMet;
}
