// The rows of a task, read again after what its stream says.

import { get } from "/console/lib/api.js";
import { useCallback, useEffect, useRef, useState } from "/console/vendor/preact.js";

/** Return `{ details, error, read }`; calls of `read()` while the rows are read make one more reading. */
export function useTask(id) {
  const [state, setState] = useState({ details: null, error: null });
  const reading = useRef(null);
  const read = useCallback(() => reading.current?.(), []);
  useEffect(() => {
    let [isReading, isStale, isOver] = [false, false, false];
    reading.current = async () => {
      isStale = true;
      if (isReading) return;
      isReading = true;
      try {
        while (isStale && !isOver) {
          isStale = false;
          const details = await get(`/tasks/${id}`);
          if (!isOver) setState({ details, error: null });
        }
      } catch (error) {
        // If the gateway is unreachable, the rows are read again when the stream has reconnected.
        if (!isOver && error.status !== 0 && error.status < 500) setState((old) => ({ ...old, error }));
      } finally {
        isReading = false;
      }
    };
    read();
    return () => {
      isOver = true;
      reading.current = null;
    };
  }, [id]);
  return { ...state, read };
}
