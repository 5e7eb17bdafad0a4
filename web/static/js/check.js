/**
 * The check before a paper, before another device takes one over, or as a rehearsal (设备自检): camera
 * works, light and place will do, this physician, who turns the head as asked. The server counts the tries
 * and says what to do next; the next try begins at the press of a button, so that nobody loses one while
 * reading; after the last one a person of the body decides. Ends in the paper, in words
 * that help, or at the assessment body; never in a dead end without a button.
 */

import { Camera } from "./camera.js";
import { FrameStream } from "./stream.js";

const ANSWER_PATIENCE_MS = 3000;
const GRAB_AGAIN_MS = 500;
const OFFLINE_PATIENCE_MS = 2000;
const FORWARD_MS = 2000;
const TAKING = -1;
// While a person decides, a picture now and then is enough for them to see who sits there.
const WAITING_INTERVAL_MS = 5000;
const FACELESS_MS = 30_000;
// One refusal may be a hiccup. A proctor that stays away is worth asking the server for another way.
const AWAY_REFUSALS = 3;

const NO_FACE_TO_COMPARE = ["no_face", "several_faces", "unusable", "dark", "blurred", "too_small", "cut_off"];

const ENDINGS = {
  login_required: { title: "登录已过期", message: "请重新登录，登录后回到本页继续检测。", label: "重新登录", href: location.href },
  consent_required: { title: "需要先同意使用人脸信息", message: "确认同意后才能检测；不同意时，可向考核机构申请其他方式。", label: "前往确认", href: location.href },
  lease_lost: { title: "已在其他页面或设备上打开", message: "本页的检测已停止。要在这里继续，请重新开始。", label: "在本页重新开始", href: location.href },
  attempt_closed: { title: "本次考试已结束", message: "不能再进入答题。", label: "返回测评列表", href: "/papers" },
  replaced: { title: "已在其他页面打开", message: "本页的检测已停止。要在这里继续，请重新开始。", label: "在本页重新开始", href: location.href },
};
const CARDS = ["advice", "fault", "help", "spent", "waiting"];
const REFUSED = { title: "身份核验没有通过", message: "请联系考核机构。", label: "返回首页", href: "/home" };
const NOT_PASSED = { title: "这次没有通过", message: "请调整光线和位置后，再检一次。", label: "再检一次", href: location.href };
const SPENT_HINT = "这次没有通过";
const UNKNOWN_ENDING = { title: "检测已停止", message: "请重新打开本页再试。", label: "重新打开", href: location.href };

const root = document.querySelector("[data-check]");
const csrf = () => document.querySelector('meta[name="csrf-token"]').content;

// intro → checking ⇄ spent (a try, until the next one is asked for) | waiting (for a person) → passed | ended
let phase = "intro";
let interval = 1000;
let awaiting = 0; // the seq whose answer is due, TAKING while its picture is being taken, else 0
let sentAt = 0;
let timer = 0;
let offlineTimer = 0;
let facelessSince = 0;
let refusalsAway = 0;
let helping = false;
let stepNow = "";
let triesLeft = null;

// A rehearsal costs nothing; before the registration photo is reviewed it can't say who sits there either.
const counted = root.dataset.purpose !== "rehearsal";
const compares = !("uncompared" in root.dataset);

const STEPS = ["camera", "light", "identity", ...("turns" in root.dataset ? ["turn"] : []), "done"];

const camera = new Camera({ video: part("video"), onState: cameraChanged });
const stream = new FrameStream({
  attempt: root.dataset.attempt,
  purpose: root.dataset.purpose,
  epoch: 0,
  csrf,
  onReady: (ready) => {
    interval = ready.interval;
    awaiting = 0;
    if (phase === "checking") hint("wait", "请正对摄像头，正在核对");
    captureIn(0);
  },
  onVerdict: judged,
  onCheck: stands,
  onRefused: (refusal) => {
    if (!sending()) return;
    if (refusal.message && phase === "checking") hint("wait", refusal.message);
    if (refusal.code === "queue_away") {
      refusalsAway += 1;
      if (root.dataset.purpose === "takeover" && refusalsAway >= AWAY_REFUSALS) {
        location.reload();
        return;
      }
    }
    answered(refusal.seq);
  },
  onClosed: (end) => (end.code === "already_admitted" ? passed() : ended(end, ENDINGS[end.code])),
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
  for (const card of CARDS) show(card, card === name);
  if (comes && name !== "advice") part(name).scrollIntoView({ block: "nearest" });
}

/** Whether frames are wanted. */
function sending() {
  return phase === "checking" || phase === "waiting";
}

/** Whether how the identity check stands is news. */
function underWay() {
  return sending() || phase === "spent";
}

/** The card of the phase, unless the camera is at fault. */
function phaseCard() {
  if (phase === "waiting" || phase === "spent") return phase;
  return helping ? "help" : "advice";
}

/** Steps before this one are done, it is under way; "done" means all are. */
function step(name) {
  if (name === stepNow) return;
  stepNow = name;
  const n = name === "done" ? STEPS.length : STEPS.indexOf(name);
  part("steps").querySelectorAll("li").forEach((item, index) => {
    const done = index < n && (compares || STEPS[index] !== "identity");
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
  facelessSince = 0;
  awaiting = 0;
  helping = false;
  show("intro", false);
  show("running", true);
  beside("advice");
  if (camera.phase === "live") {
    step("light");
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
    step("camera");
    beside("fault");
    return;
  }
  beside(phaseCard());
  if (state.phase === "opening") {
    hint("wait", "正在打开摄像头，如浏览器询问，请选择“允许”");
    step("camera");
  } else if (state.phase === "live" && phase === "checking") {
    hint("wait", stream.state === "online" ? "请正对摄像头，正在核对" : "摄像头正常，正在连接");
    step("light");
    stream.connect();
    captureIn(0);
  } else if (state.phase === "live" && phase === "waiting") {
    step("identity");
    captureIn(0);
  } else if (state.phase === "live" && phase === "spent") {
    hint("warn", SPENT_HINT);
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
  if (sending()) timer = setTimeout(capture, delay);
}

async function capture() {
  // A camera or connection that comes back starts this again.
  if (!sending() || awaiting || camera.phase !== "live" || stream.state !== "online") return;
  let seq = 0;
  awaiting = TAKING;
  try {
    seq = await stream.send(await camera.grab());
  } catch {
    // No current picture yet; the camera's own watch says so when it lasts.
  }
  if (!sending() || awaiting !== TAKING) return;
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
  const pause = phase === "waiting" ? Math.max(interval, WAITING_INTERVAL_MS) : interval;
  captureIn(Math.max(0, sentAt + pause - performance.now()));
}

function judged({ seq, verdict, hint: words, admitted, check }) {
  if (admitted) {
    passed();
    return;
  }
  if (!sending()) return;
  refusalsAway = 0;
  if (stands(check)) {
    const faceless = NO_FACE_TO_COMPARE.includes(verdict);
    // What is asked next is no complaint, whatever the last picture showed.
    const asked = check.done > 0 && words === check.askHint && verdict !== "mismatch";
    const heeded = verdict === "match" || asked || (!compares && verdict === "unsure");
    hint(heeded ? "ok" : "warn", words);
    step(check.done > 0 ? "turn" : faceless || !compares ? "light" : "identity");
    lookForFace(faceless);
  }
  answered(seq);
}

/** How the identity check stands on the server; true while frames advance it. */
function stands(check) {
  if (!underWay()) return false;
  switch (check.state) {
    case "passed":
    case "accepted":
      passed();
      return false;
    case "refused":
      ended({ message: check.reason ? `工作人员的说明：${check.reason}` : "" }, REFUSED);
      show("refused-next", true);
      return false;
    case "expired":
      ended({ message: "" }, NOT_PASSED);
      return false;
    case "waiting":
      wait(check);
      return false;
    default:
      if (isSpent(check)) spend(check);
      if (phase === "spent") return false;
      carryOn(check);
      return true;
  }
}

/** Whether a try was lost since the server last said how many there are. */
function isSpent(check) {
  const lost = triesLeft !== null && check.triesLeft < triesLeft && check.again !== "";
  triesLeft = check.triesLeft;
  return lost;
}

/** Nothing is sent until the physician asks for the next try; the self view stays, to put things right by. */
function spend(check) {
  phase = "spent";
  clearTimeout(timer);
  awaiting = 0;
  facelessSince = 0;
  helping = false;
  prompt(null);
  show("tries", false);
  show("again", false);
  hint("warn", SPENT_HINT);
  part("spent-why").textContent = `${check.again}。`;
  show("spent-left", counted);
  if (counted) part("spent-left").textContent = `还可以试${check.triesLeft}次，点“再试一次”才会开始下一次，可以先做好准备。`;
  if (camera.phase === "fault") return; // first things first; the card comes when the camera is back
  beside("spent");
  part("next-try").focus();
}

function tryAgain() {
  if (phase !== "spent") return;
  phase = "checking";
  beside(camera.phase === "fault" ? "fault" : "advice");
  hint("wait", stream.state === "online" ? "请正对摄像头，正在核对" : "正在连接");
  step("light");
  // The button that had the focus is gone; on a phone the picture is above it.
  part("running-title").focus();
  part("camera").scrollIntoView({ block: "nearest" });
  captureIn(0);
}

/** The tries are used up; the camera and the wire stay, for the person who decides. */
function wait(check) {
  if (phase === "waiting") return;
  const idle = phase === "spent";
  phase = "waiting";
  if (idle) captureIn(0);
  prompt(null);
  show("tries", false);
  show("again", false);
  hint("wait", check.askHint);
  step("identity");
  helping = false;
  beside("waiting");
  part("waiting-title").focus();
}

function carryOn(check) {
  if (phase === "waiting") {
    phase = "checking";
    beside("advice");
    captureIn(0);
  }
  prompt(check.done > 0 ? check.ask : null);
  const tries = part("tries");
  const told = counted && check.triesLeft !== null;
  if (told) tries.textContent = `剩余次数：${check.triesLeft}次`;
  show("tries", told);
  const again = part("again");
  const words = check.again ? `刚才那次${check.again}` : "";
  if (again.textContent !== words) again.textContent = words;
  again.hidden = !words;
}

/** The arrow over the self view. */
function prompt(ask) {
  const turn = part("turn");
  turn.hidden = ask === null;
  if (ask) turn.dataset.ask = ask;
}

/** A face that is never found is no failed try, but needs help in the end. */
function lookForFace(faceless) {
  const now = performance.now();
  if (!faceless) {
    facelessSince = 0;
    if (helping) beside("advice");
    helping = false;
  } else if (facelessSince === 0) {
    facelessSince = now;
  } else if (now - facelessSince >= FACELESS_MS && !helping) {
    helping = true;
    beside("help");
  }
}

function passed() {
  if (phase === "passed") return;
  finish("passed");
  step("done");
  show("passed", true);
  const link = part("enter");
  link.focus();
  setTimeout(() => location.assign(link.href), FORWARD_MS);
}

function ended({ message }, ending = UNKNOWN_ENDING) {
  finish("ended");
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
part("next-try").addEventListener("click", tryAgain);
part("start").addEventListener("click", () => {
  start();
  // The button that had the focus is gone; the next words are here.
  part("running-title").focus();
});
step("camera");
show("not-ready", false);
part("start").disabled = false;
