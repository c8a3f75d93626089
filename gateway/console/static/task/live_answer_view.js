// The answer of a task as it arrives, drawn at most once a frame.

import { Turns } from "/console/task/turn.js";
import { h, useEffect, useState } from "/console/vendor/preact.js";

const REPLAY_MS = 1_500; // what comes this soon may have happened long before

/** `live` is a LiveAnswer that `subscribe`'s events change; `getCallState` as of `Turns`. */
export function LiveAnswerView({ live, subscribe, nameStep, getCallState }) {
  const [, setVersion] = useState(0);
  const [opened] = useState(Date.now);
  useEffect(() => {
    let frame = null;
    const draw = () => {
      frame = null;
      setVersion((value) => value + 1);
    };
    const unsubscribe = subscribe(() => (frame ??= requestAnimationFrame(draw)));
    return () => {
      unsubscribe();
      cancelAnimationFrame(frame);
    };
  }, [live, subscribe]);
  return h(
    "div",
    { id: "answer", "aria-busy": live.stepId !== null && !live.isEnded ? "true" : undefined },
    live.stepId !== null &&
      h(
        "article",
        { key: live.stepId, class: "transcript" },
        h("h4", {}, nameStep(live.stepId)),
        live.notice && h("p", { class: "note" }, live.notice),
        h("div", { class: "turns" }, h(Turns, { turns: live.turns, getCallState, isLive: Date.now() - opened > REPLAY_MS })),
      ),
  );
}
