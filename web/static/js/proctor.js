/**
 * Proctoring beside a running paper: the self view, a frame now and then, one calm line.
 *
 * Nothing here may disturb the paper: no exception leaves this file, no fault stops an answer from being
 * saved. What cannot be sent is a gap, which the server sees by itself and a person judges.
 */

import { Camera } from "./camera.js";
import { FrameStream } from "./stream.js";

const DEFAULT_INTERVAL_MS = 10_000;
// Frames exactly every ten seconds could be posed for.
const JITTER = 0.2;
const GRAB_AGAIN_MS = 2000;
const LEAST_GAP_MS = 1000;
const OFFLINE_PATIENCE_MS = 2000;
const VERDICT_LIFETIME_MS = 45_000;
const REFUSALS_WORTH_A_WORD = 3;
const CAMERA_PAUSES_MS = [5000, 10_000, 20_000, 30_000];


const OPENING = { kind: "wait", text: "正在打开摄像头，如浏览器询问，请选择“允许”" };
const CONNECTING = { kind: "wait", text: "正在连接监考" };
const RECONNECTING = { kind: "warn", text: "监考连接中断，正在重连，答题不受影响" };
const WATCHING = { kind: "wait", text: "监考已连接，正在核对画面" };

const ENDINGS = {
  login_required: { kind: "warn", text: "登录已过期，重新登录后监考会继续，已答的题不会丢失" },
  consent_required: { kind: "bad", text: "还没有同意使用人脸信息，请返回考试须知页面确认" },
  lease_lost: { kind: "bad", text: "已在其他页面或设备上打开本试卷，本页监考已停止" },
  replaced: { kind: "warn", text: "摄像头已在其他页面使用，要在本页继续监考请点监考小窗" },
  bad_frames: { kind: "bad", text: "摄像头的画面一直无法识别，请检查摄像头后点监考小窗重试" },
  too_many_bytes: { kind: "warn", text: "摄像头发送的数据过多，请刷新页面" },
  attempt_closed: { kind: "wait", text: "本次考试已结束，监考已停止" },
};

// What a person can put right without a new page; a lost lease, for one, must not be fought over.
const RESUMABLE = ["login_required", "consent_required", "replaced", "bad_frames"];

/**
 * @param {{attempt: string, epoch: number, csrf: string|(() => string), video: HTMLVideoElement,
 *   onHint?: (hint: {kind: "ok"|"warn"|"bad"|"wait", text: string}) => void,
 *   onState?: (state: {camera: "idle"|"opening"|"live"|"fault", fault: string|null,
 *     connection: "offline"|"connecting"|"online", closed: string|null}) => void, onLook?: () => void,
 *   onCheck?: (check: object) => void}} options onCheck: how an identity check stands that staff asked for, as
 *   stream.js says it
 * @returns {Promise<{stop: () => void, retry: () => void}>} at once, not when the camera is open: that
 *   may wait for a person. retry() is for a tap of the physician or after a new login; a tap on the
 *   video does the same.
 */
export async function startProctor({ attempt, epoch, csrf, video, onHint = () => {}, onState = () => {}, onLook = () => {}, onCheck = () => {} }) {
  let stopped = false;
  let closed = null;
  let interval = DEFAULT_INTERVAL_MS;
  let frameTimer = 0;
  let cameraTimer = 0;
  let offlineTimer = 0;
  let cameraFailures = 0;
  let lastFault = null;
  let everOnline = false;
  let offlineForLong = false;
  let refusals = 0;
  let refusal = null;
  let verdict = null;
  let verdictAt = 0;
  let sentAt = -LEAST_GAP_MS;
  let said = "";

  const camera = new Camera({ video, onState: safely(cameraChanged) });
  const stream = new FrameStream({
    attempt,
    epoch,
    csrf,
    purpose: "paper",
    onReady: (ready) => {
      interval = ready.interval;
      frameIn(0);
    },
    onPace: (milliseconds) => {
      interval = milliseconds;
      frameIn(jittered(interval));
    },
    onSnap: () => frameIn(0),
    onVerdict: (message) => {
      refusals = 0;
      refusal = null;
      safely(onCheck)(message.check);
      // Never an alarm: what a frame means is for a person to decide, later.
      verdict = { kind: message.verdict === "match" ? "ok" : "warn", text: message.hint };
      verdictAt = performance.now();
      say();
    },
    onRefused: (message) => {
      // One frame less is nothing to tell; the line of a paper must not flicker.
      refusals += 1;
      if (refusals >= REFUSALS_WORTH_A_WORD && message.message) refusal = { kind: "wait", text: message.message };
      say();
    },
    onClosed: end,
    onCheck: safely(onCheck),
    onLook,
    onState: connectionChanged,
  });
  const awake = keepScreenAwake();
  const tapped = () => retry();
  video.addEventListener("click", tapped);

  function say() {
    if (stopped) return;
    const hint = currentHint();
    const text = `${hint.kind} ${hint.text}`;
    if (text === said) return;
    said = text;
    safely(onHint)(hint);
  }

  /** The one thing worth knowing now: what the physician can mend comes first. */
  function currentHint() {
    if (closed) return closed.hint;
    if (lastFault) return { kind: lastFault.code === "unanswered" ? "wait" : "bad", text: lastFault.hint };
    if (camera.phase !== "live") return OPENING;
    if (offlineForLong) return RECONNECTING;
    if (!everOnline) return CONNECTING;
    if (refusal) return refusal;
    // An old "everything is fine" would be a lie.
    if (verdict && performance.now() - verdictAt < VERDICT_LIFETIME_MS) return verdict;
    return WATCHING;
  }

  function report() {
    if (stopped) return;
    say();
    safely(onState)({
      camera: camera.phase,
      fault: camera.fault && camera.fault.code,
      connection: stream.state,
      closed: closed && closed.code,
    });
  }

  function cameraChanged({ phase, fault }) {
    if (stopped || closed) return;
    clearTimeout(cameraTimer);
    if (phase === "live") {
      cameraFailures = 0;
      if (lastFault) verdict = null; // of before: what the camera shows now is still to be seen
      lastFault = null;
      frameIn(0);
    } else if (fault) {
      lastFault = fault;
      if (fault.retry === "clock") cameraAgain();
    } // while it opens anew the words of the last fault stay: they are still what helps
    report();
  }

  function cameraAgain() {
    const pause = CAMERA_PAUSES_MS[Math.min(cameraFailures, CAMERA_PAUSES_MS.length - 1)];
    cameraFailures += 1;
    cameraTimer = setTimeout(() => camera.open(), pause);
  }

  function connectionChanged(state) {
    if (state === "online") {
      everOnline = true;
      offlineForLong = false;
      clearTimeout(offlineTimer);
      offlineTimer = 0;
    } else if (!offlineTimer && !closed) {
      // Short breaks are everyday on a phone and heal before anybody could do something about them.
      offlineTimer = setTimeout(() => {
        offlineForLong = true;
        report();
      }, OFFLINE_PATIENCE_MS);
    }
    report();
  }

  function frameIn(delay) {
    clearTimeout(frameTimer);
    if (stopped || closed) return;
    const rest = sentAt + LEAST_GAP_MS - performance.now();
    frameTimer = setTimeout(frame, Math.max(delay, rest, 0));
  }

  async function frame() {
    let taken = false;
    // Both come back with a call of frameIn(0) when they are ready again.
    if (!stopped && !closed && camera.usable) {
      try {
        const jpeg = await camera.grab();
        taken = true;
        // Without a connection the stream keeps it, at the usual pace.
        if (await stream.send(jpeg) || stream.state !== "online") sentAt = performance.now();
      } catch {
        // No current picture: try sooner than after a whole interval, or a gap doubles.
      }
    }
    say();
    frameIn(taken ? jittered(interval) : Math.min(interval, GRAB_AGAIN_MS));
  }

  function end({ code, message }) {
    const known = ENDINGS[code] || { kind: "warn", text: "监考已停止，请重新进入试卷" };
    closed = { code, hint: { kind: known.kind, text: message || known.text } };
    clearTimeout(frameTimer);
    clearTimeout(cameraTimer);
    clearTimeout(offlineTimer);
    offlineTimer = 0;
    lastFault = null;
    // A camera whose pictures nobody takes must not be on.
    camera.stop();
    report();
  }

  function retry() {
    if (stopped) return;
    if (closed) {
      if (!RESUMABLE.includes(closed.code)) return;
      closed = null;
      everOnline = false;
      offlineForLong = false;
      stream.connect();
    } else if (camera.phase === "live" && !video.paused) {
      return; // a tap on a healthy picture must not switch the camera off and on
    }
    cameraFailures = 0;
    camera.open();
    report();
  }

  function stop() {
    if (stopped) return;
    stopped = true;
    clearTimeout(frameTimer);
    clearTimeout(cameraTimer);
    clearTimeout(offlineTimer);
    video.removeEventListener("click", tapped);
    awake.stop();
    stream.close();
    camera.stop();
  }

  say();
  stream.connect();
  camera.open();
  return { stop: safely(stop), retry: safely(retry) };
}

function jittered(interval) {
  return interval * (1 - JITTER + 2 * JITTER * Math.random());
}

function safely(callback) {
  return (...values) => {
    try {
      return callback(...values);
    } catch (error) {
      console.error(error);
      return undefined;
    }
  };
}

/** A long question is read without a touch; a screen that goes dark takes the camera with it. */
function keepScreenAwake() {
  const listeners = new AbortController();
  let lock = null;
  const ask = async () => {
    if (document.hidden || !navigator.wakeLock) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      if (listeners.signal.aborted) lock.release();
    } catch {
      // Saving power goes before: the browser may refuse.
    }
  };
  // The browser takes the lock back whenever the page is hidden.
  document.addEventListener("visibilitychange", ask, { signal: listeners.signal });
  ask();
  return {
    stop() {
      listeners.abort();
      if (lock) lock.release().catch(() => {});
    },
  };
}
