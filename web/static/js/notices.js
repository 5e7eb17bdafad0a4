/**
 * Words over the end of the page that somebody must see. One notice per topic; the same words are not said twice.
 * They never move the question; see steady.js.
 */

import { steady } from "./steady.js";

const place = document.getElementById("notices");
const shown = new Map();

/** @param {...{label: string, href?: string, press?: () => void}} actions */
export function notify(topic, kind, text, ...actions) {
  const old = shown.get(topic);
  if (old && old.dataset.words === text) return;
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.dataset.kind = kind;
  notice.dataset.words = text;
  const body = document.createElement("div");
  body.append(text);
  if (actions.length) body.append(row(actions));
  notice.append(body);
  steady(() => {
    if (old) old.replaceWith(notice);
    else place.append(notice);
  });
  shown.set(topic, notice);
  place.scrollTop = notice.offsetTop - place.offsetTop;
}

export function hush(topic) {
  const notice = shown.get(topic);
  if (!notice) return;
  steady(() => notice.remove());
  shown.delete(topic);
}

/** The action that makes a notice go. */
export function understood(topic, then = () => {}) {
  return { label: "知道了", press: () => { hush(topic); then(); } };
}

function row(actions) {
  const element = document.createElement("div");
  element.className = "actions";
  element.append(...actions.map(actionElement));
  return element;
}

function actionElement({ label, href, press }) {
  const element = document.createElement(href ? "a" : "button");
  element.className = "button";
  element.textContent = label;
  if (href) element.href = href;
  else element.addEventListener("click", press);
  // The paper stays open: the login opens beside it.
  if (href === "/login") element.target = "_blank";
  return element;
}
