// A link by which somebody answers a question without signing in, for operators.

import { post } from "/console/lib/api.js";
import { Countdown } from "/console/lib/countdown.js";
import { Said } from "/console/lib/said.js";
import { h, useState } from "/console/vendor/preact.js";

/** A button that creates a link and copies it, and the link. */
export function Link({ approvalId }) {
  const [state, setState] = useState({});
  const create = async () => {
    if (state.isSending) return;
    setState((old) => ({ ...old, isSending: true }));
    try {
      const { url, expires_at: expiresAt } = await post(`/approvals/${approvalId}/link`, {});
      setState({ url, expiresAt, said: await copy(url) });
    } catch (error) {
      setState({ problem: error.message });
    }
  };
  const { url, expiresAt, said, problem, isSending } = state;
  return h(
    "div",
    { class: "for-operators" },
    h("button", { type: "button", class: "quiet more", "aria-disabled": isSending ? "true" : undefined, onClick: create }, "Copy link"),
    h(
      "div",
      { class: "made-link" },
      url && h("label", {}, "Whoever has this link may answer, once", h("input", { type: "text", readonly: true, value: url, onFocus: ({ currentTarget }) => currentTarget.select() })),
      h("p", { class: "note", role: "status" }, url && [said, " It expires ", h(Countdown, { iso: expiresAt }), "."]),
      problem && h("p", { class: "problem", role: "alert" }, h(Said, { text: problem })),
    ),
  );
}

async function copy(url) {
  try {
    await navigator.clipboard.writeText(url);
    return "Copied.";
  } catch {
    return "This browser does not copy it: select it above.";
  }
}
