// Text to the clipboard and to files of the person's computer.

import { byId } from "/console/lib/dom.js";
import { h, useEffect, useState } from "/console/vendor/preact.js";

const SHOWN_MS = 2_000;

/** Copy a text, and say whether that worked; return whether it did. */
export async function copyText(text, what = "") {
  try {
    await navigator.clipboard.writeText(text);
    byId("news").textContent = what ? `Copied: ${what}.` : "Copied.";
    return true;
  } catch {
    byId("news").textContent = "This browser does not allow copying here: select the text, and copy that.";
    return false;
  }
}

/** A button that copies what `getText()` returns, called `what` in the news; it says what became of it. */
export function CopyButton({ label, what, getText, class: name = "quiet", ...more }) {
  const [said, say] = useState(null);
  useEffect(() => {
    if (said === null) return undefined;
    const timer = setTimeout(() => say(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => say((await copyText(getText(), what)) ? "Copied" : "Not allowed here");
  return h("button", { type: "button", class: name, onClick: copy, ...more }, said ?? label);
}

/** Save a text as a file. */
export function downloadText(name, text, type = "text/plain") {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = cleanName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Return the last part of a path, without what file systems refuse. */
function cleanName(path) {
  const name = String(path).split(/[\\/]/).at(-1).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"|?*]/g, "_").slice(-120);
  return name.replace(/^\.+/, "") || "answer.txt";
}
