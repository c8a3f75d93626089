// A link by which somebody answers a question without signing in, for operators.

import { post } from "/console/lib/api.js";
import { buildCountdown } from "/console/lib/countdown.js";
import { h, show } from "/console/lib/dom.js";

/** Build a button that creates a link, and the place in which it appears. */
export function buildLink(approvalId) {
  const place = h("div", { class: "made-link" });
  const button = h("button", { type: "button", class: "quiet more", onclick: () => create(approvalId, button, place) }, "Copy link");
  return h("div", { class: "for-operators" }, button, place);
}

async function create(approvalId, button, place) {
  if (button.getAttribute("aria-disabled")) return; // it is being made
  button.setAttribute("aria-disabled", "true");
  try {
    const { url, expires_at: expiresAt } = await post(`/approvals/${approvalId}/link`, {});
    const said = h("p", { class: "note", role: "status" });
    const field = h("input", { type: "text", readonly: true, value: url, onfocus: () => field.select() });
    show(place, h("label", {}, "Whoever has this link may answer, once", field), said);
    show(said, await copy(url), " It expires ", buildCountdown(expiresAt), ".");
  } catch (error) {
    show(place, h("p", { class: "problem", role: "alert" }, error.message));
  }
  button.removeAttribute("aria-disabled");
}

async function copy(url) {
  try {
    await navigator.clipboard.writeText(url);
    return "Copied.";
  } catch {
    return "This browser does not copy it: select it above.";
  }
}
