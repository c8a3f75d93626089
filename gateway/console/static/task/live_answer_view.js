// The answer of a task as it arrives.

import { useEvents } from "/console/task/feed.js";
import { Turns } from "/console/task/turn.js";
import { h, useState } from "/console/vendor/preact.js";

const EVERY_MS = 33;
const REPLAY_MS = 1_500; // what comes this soon may have happened long before

/** `live` is a LiveAnswer that `subscribe`'s events change; `getCallState` as of `Turns`. */
export function LiveAnswerView({ live, subscribe, nameStep, getCallState }) {
  const [opened] = useState(Date.now);
  useEvents(subscribe, () => {}, EVERY_MS);
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
