/**
 * The check before a paper, or before another device takes one over: camera works, one face, this
 * physician. Ends in the paper, in words that help, or at the assessment body; never in a dead end
 * without a button.
 */

import { Camera } from "./camera.js";
import { FrameStream } from "./stream.js";

const ANSWER_PATIENCE_MS = 3000;
const GRAB_AGAIN_MS = 500;
const OFFLINE_PATIENCE_MS = 2000;
const FORWARD_MS = 2000;
const TAKING = -1;
// Five tries, five seconds apart: help comes after at least twenty seconds of honest trying, not after
// five frames of somebody still putting the phone down.
const TRIES = 5;
const TRY_SPACING_MS = 5000;
// A face that is never found is no failed comparison, but needs the same help in the end.
const FACELESS_MS = 30_000;
// One refusal may be a hiccup. A proctor that stays away is worth asking the server for another way.
const AWAY_REFUSALS = 3;

const NO_FACE_TO_COMPARE = ["no_face", "several_faces", "unusable"];

const ENDINGS = {
  login_required: { title: "登录已过期", message: "请重新登录，登录后回到本页继续检测。", label: "重新登录", href: location.href },
  consent_required: { title: "需要先同意使用人脸信息", message: "确认同意后才能检测；不同意时，可向考核机构申请其他方式。", label: "前往确认", href: location.href },
  lease_lost: { title: "已在其他页面或设备上打开", message: "本页的检测已停止。要在这里继续，请重新开始。", label: "在本页重新开始", href: location.href },
  attempt_closed: { title: "本次考试已结束", message: "不能再进入答题。", label: "返回测评列表", href: "/papers" },
  already_admitted: { title: "身份核验已通过", message: "请直接进入答题。", label: "进入答题", href: location.href },
  replaced: { title: "已在其他页面打开", message: "本页的检测已停止。要在这里继续，请重新开始。", label: "在本页重新开始", href: location.href },
};
const UNKNOWN_ENDING = { title: "检测已停止", message: "请重新打开本页再试。", label: "重新打开", href: location.href };

const NOT_YET = "还没有核对上，请按提示调整后再试";

const root = document.querySelector("[data-check]");
const csrf = () => document.querySelector('meta[name="csrf-token"]').content;

let phase = "intro"; // intro → checking ⇄ paused → passed | ended
let interval = 1000;
let awaiting = 0; // the seq whose answer is due, TAKING while its picture is being taken, else 0
let sentAt = 0;
let timer = 0;
let offlineTimer = 0;
let tries = 0;
let triedAt = -Infinity;
let facelessSince = 0;
let refusalsAway = 0;
let helping = false;
let stepNow = -1;

const camera = new Camera({ video: part("video"), onState: cameraChanged });
const stream = new FrameStream({
  attempt: root.dataset.attempt,
  purpose: root.dataset.purpose,
  epoch: 0,
  csrf,
  onReady: (ready) => {
    interval = ready.interval;
    awaiting = 0;
    hint("wait", "请正对摄像头，正在核对");
    captureIn(0);
  },
  onVerdict: judged,
  onRefused: (refusal) => {
    if (phase !== "checking") return;
    if (refusal.message) hint("wait", refusal.message);
    if (refusal.code === "queue_away") {
      refusalsAway += 1;
      if (root.dataset.purpose === "takeover" && refusalsAway >= AWAY_REFUSALS) {
        location.reload();
        return;
      }
    }
    answered(refusal.seq);
  },
  onClosed: ended,
  onState: connectionChanged,
});

function part(name) {
  return root.querySelector(`[data-part="${name}"]`);
}

function show(name, visible) {
  part(name).hidden = !visible;
}

function hint(kind, text) {
  const line = part("hint");
  part("camera").dataset.kind = kind;
  // Written only when new: a screen reader says it again otherwise.
  if (line.textContent !== text) line.textContent = text;
}

/** Exactly one card stands beside the camera; a new one must not wait below the edge of a phone's screen. */
function beside(name) {
  const comes = part(name).hidden;
  for (const card of ["advice", "fault", "help"]) show(card, card === name);
  if (comes && name !== "advice") part(name).scrollIntoView({ block: "nearest" });
}

/** Steps before n are done, n is under way; 3 means all are done. */
function step(n) {
  if (n === stepNow) return;
  stepNow = n;
  part("steps").querySelectorAll("li").forEach((item, index) => {
    const done = index < n;
    item.classList.toggle("done", done);
    item.classList.toggle("current", index === n);
    if (index === n) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
    item.querySelector(".dot").replaceChildren(done ? part("done").content.cloneNode(true) : String(index + 1));
    const label = item.lastElementChild;
    const note = label.querySelector(".visually-hidden");
    if (note) note.remove();
    if (done) {
      const said = document.createElement("span");
      said.className = "visually-hidden";
      said.textContent = "（已完成）";
      label.append(said);
    }
  });
}

function start() {
  phase = "checking";
  tries = 0;
  triedAt = -Infinity;
  facelessSince = 0;
  awaiting = 0;
  helping = false;
  show("intro", false);
  show("running", true);
  beside("advice");
  if (camera.phase === "live") {
    step(1);
    stream.connect();
  } else {
    camera.open();
  }
}

function cameraChanged(state) {
  if (phase === "passed" || phase === "ended") return;
  const { fault } = state;
  // A black or frozen picture explains itself; an empty frame only takes the place of the remedies.
  show("frame", state.phase !== "fault" || ["black", "frozen"].includes(fault.code));
  if (fault) {
    part("remedies").replaceChildren(...fault.remedies.map((remedy) => {
      const item = document.createElement("li");
      item.textContent = remedy;
      return item;
    }));
    // While the browser still asks, a second question would not help.
    show("retry", fault.retry !== "none");
    hint(fault.code === "unanswered" ? "wait" : "bad", fault.title);
    step(0);
    beside("fault");
    return;
  }
  beside(helping ? "help" : "advice");
  if (state.phase === "opening") {
    hint("wait", "正在打开摄像头，如浏览器询问，请选择“允许”");
    step(0);
  } else if (state.phase === "live" && phase === "checking") {
    hint("wait", stream.state === "online" ? "请正对摄像头，正在核对" : "摄像头正常，正在连接");
    step(1);
    stream.connect();
    captureIn(0);
  } else if (state.phase === "live" && phase === "paused") {
    hint("warn", NOT_YET);
    step(2);
  }
}

function connectionChanged(state) {
  if (state === "online") {
    clearTimeout(offlineTimer);
    offlineTimer = 0;
  } else if (offlineTimer === 0 && phase === "checking") {
    offlineTimer = setTimeout(async () => {
      if (phase === "checking" && camera.phase === "live") hint("warn", "网络连接中断，正在重连，请检查网络");
      // Why a socket was refused the browser doesn't say; the page does: it leads to the login or onwards.
      const page = await fetch(location.href).catch(() => null);
      if (page?.redirected && phase === "checking") location.reload();
    }, OFFLINE_PATIENCE_MS);
  }
}

function captureIn(delay) {
  clearTimeout(timer);
  if (phase === "checking") timer = setTimeout(capture, delay);
}

async function capture() {
  // A camera or connection that comes back starts this again.
  if (phase !== "checking" || awaiting || camera.phase !== "live" || stream.state !== "online") return;
  let seq = 0;
  awaiting = TAKING;
  try {
    seq = await stream.send(await camera.grab());
  } catch {
    // No current picture yet; the camera's own watch says so when it lasts.
  }
  if (phase !== "checking" || awaiting !== TAKING) return;
  if (seq === 0) {
    awaiting = 0;
    captureIn(GRAB_AGAIN_MS);
    return;
  }
  // One frame at a time: a slow line or a busy server then slows us down instead of queueing.
  awaiting = seq;
  sentAt = performance.now();
  clearTimeout(timer);
  timer = setTimeout(() => answered(seq), ANSWER_PATIENCE_MS);
}

function answered(seq) {
  if (seq !== awaiting) return;
  awaiting = 0;
  captureIn(Math.max(0, sentAt + interval - performance.now()));
}

function judged({ seq, verdict, hint: words, admitted }) {
  if (admitted) {
    passed();
    return;
  }
  if (phase !== "checking") return;
  refusalsAway = 0;
  hint(verdict === "match" ? "ok" : "warn", words);
  const faceless = NO_FACE_TO_COMPARE.includes(verdict);
  step(faceless ? 1 : 2);
  count(verdict, faceless);
  answered(seq);
}

function count(verdict, faceless) {
  const now = performance.now();
  if (!faceless) {
    facelessSince = 0;
    if (helping) beside("advice");
    helping = false;
  } else if (facelessSince === 0) {
    facelessSince = now;
  } else if (now - facelessSince >= FACELESS_MS) {
    // Help only: somebody is still moving lamp and phone about and must see when it gets better.
    helping = true;
    show("again", false);
    beside("help");
  }
  if ((verdict === "mismatch" || verdict === "unsure") && now - triedAt >= TRY_SPACING_MS) {
    tries += 1;
    triedAt = now;
    if (tries >= TRIES) pause();
  }
}

function pause() {
  phase = "paused";
  clearTimeout(timer);
  awaiting = 0;
  stream.close();
  clearTimeout(offlineTimer);
  offlineTimer = 0;
  // The camera stays on, so that light and position can be put right before the next try.
  hint("warn", NOT_YET);
  helping = true;
  show("again", true);
  beside("help");
  part("help-title").focus();
}

function passed() {
  if (phase === "passed") return;
  finish("passed");
  step(3);
  show("passed", true);
  const link = part("enter");
  link.focus();
  setTimeout(() => location.assign(link.href), FORWARD_MS);
}

function ended({ code, message }) {
  finish("ended");
  const ending = ENDINGS[code] || UNKNOWN_ENDING;
  part("ended-title").textContent = ending.title;
  part("ended-message").textContent = message || ending.message;
  const link = part("ended-link");
  link.textContent = ending.label;
  link.href = ending.href;
  show("ended", true);
  part("ended-title").focus();
}

function finish(end) {
  phase = end;
  clearTimeout(timer);
  clearTimeout(offlineTimer);
  stream.close();
  camera.stop();
  for (const name of ["intro", "running", "aside"]) show(name, false);
}

// Gone back to from the paper, the browser shows this page as it was left, with camera and wire dead.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
part("retry").addEventListener("click", () => {
  if (camera.fault && camera.fault.retry === "reload") {
    location.reload();
    return;
  }
  camera.open();
  part("running-title").focus();
});
part("again").addEventListener("click", () => {
  start();
  part("running-title").focus();
});
part("start").addEventListener("click", () => {
  start();
  // The button that had the focus is gone; the next words are here.
  part("running-title").focus();
});
step(0);
show("not-ready", false);
part("start").disabled = false;
