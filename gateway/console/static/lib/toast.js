// What was done, for some seconds: whatever a page writes into #news.

import { byId } from "/console/lib/dom.js";

const LEAST_MS = 5_000;
const MS_PER_LETTER = 60; // what is long is shown for longer
let timer = null;

/** Begin to show it; called once. */
export function listen() {
  const toast = byId("toast");
  new MutationObserver(show).observe(byId("news"), { childList: true, characterData: true, subtree: true });
  byId("toast-close").addEventListener("click", hide);
  for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, wait);
}

function show() {
  const isEmpty = !byId("news").textContent;
  byId("toast").classList.toggle("unseen", isEmpty);
  byId("toast-close").hidden = isEmpty;
  wait();
}

function wait() {
  clearTimeout(timer);
  timer = setTimeout(hide, LEAST_MS + MS_PER_LETTER * byId("news").textContent.length);
}

/** The text stays, so that nothing is announced again. */
function hide() {
  clearTimeout(timer);
  byId("toast").classList.add("unseen");
  byId("toast-close").hidden = true;
}
