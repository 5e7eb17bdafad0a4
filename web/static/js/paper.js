/** The paper: takes the lease, shows the questions, sends the answers, watches the clock, hands in. */

import { Absence } from "./absence.js";
import { csrfToken, post } from "./api.js";
import { Countdown, Milestones, spell, timeOfDay } from "./clock.js";
import { HandIn, offerExport } from "./handin.js";
import { Evidence, protect } from "./integrity.js";
import { forget, recall, remember } from "./memory.js";
import { hush, notify, understood } from "./notices.js";
import { Outbox } from "./outbox.js";
import { pauseAfter, rest, wake } from "./retry.js";
import { Sheet } from "./sheet.js";
import { Cipher, EntryStore, download } from "./store.js";
import { watch } from "./watch.js";

const MEMORY = "sheet:paper";
const READ_NOTICES = "notices:paper";
const ACKNOWLEDGE_AGAIN_MS = 5000;
const PRESENCE_MS = 15_000;
const CLOSING_MS = 3000;
const WARN_MS = 5 * 60_000;
const EXPORT_AFTER_MS = 20_000;
const RECOVERY_MS = 3000;
// With its pictures a paper may be long on a slow line.
const LEASE_PATIENCE_MS = 90_000;
const OPEN_STATES = ["admitted", "running", "closing"];

const SAVE_STATES = {
  empty: ["muted", "选择答案后自动保存"],
  saving: ["wait", "正在保存"],
  saved: ["ok", "已保存"],
  refused: ["bad", "有答案没有保存，请看题目上方的提示"],
  reconnecting: ["warn", "网络中断，正在重新连接"],
  stopped: ["muted", "本页已停止作答"],
};
// Why answers wait, and what that means for them: kept on this device, or only in this page.
const TROUBLES = {
  offline: ["网络中断", "恢复后自动上传"],
  busy: ["服务器暂时没有接收", "恢复后自动上传"],
  login: ["登录已失效", "重新登录后自动上传"],
};

const attempt = document.getElementById("paper").dataset.attempt;
const path = (action) => `/attempts/${encodeURIComponent(attempt)}/${action}`;
const element = (id) => document.getElementById(id);

let lease;
let sheet;
let outbox;
let handIn;
let proctor;
let presenceTimer = 0;
let beating = false;
let beatAgain = false;
let connected = true;
let leaving = false;
// "open" → "over" (0:00, the server is closing) → "closed"; or "lost" to another page.
let phase = "open";
const acknowledged = new Map();
// Items whose last answer the server will never take, and those whose answer came too late: item → why.
const refused = new Map();
const late = new Set();
const store = new EntryStore();
const evidence = new Evidence();
const absence = new Absence(path("time-requests"));
const milestones = new Milestones();
const clock = new Countdown({ onTick: showTime, onJump: beat, onMore: tellMoreTime });

async function start() {
  for (let failures = 1; !lease; failures += 1) {
    try {
      lease = await ask("lease", {}, LEASE_PATIENCE_MS);
    } catch (error) {
      if (!cannotOpen(error)) return;
      await rest(Math.max(error.retryAfter, pauseAfter(failures)));
    }
  }
  hush("connection");
  protect(lease.protection || {});
  for (const [item, option] of Object.entries(lease.answers)) if (option) acknowledged.set(item, option);
  outbox = new Outbox({
    attempt,
    epoch: lease.epoch,
    nextSeq: lease.next_seq,
    cipher: await Cipher.of(lease.outbox_key),
    store,
    send: (entry) => ask("answers", entry),
    onChange: showState,
    onSaved: arrived,
    onRefused: takeBack,
    onEnd: () => finish(),
  });
  sheet = new Sheet({
    items: lease.items,
    answers: new Map(acknowledged),
    memory: MEMORY,
    set: attempt,
    onChoose: (item, option) => outbox.put(item.id, option),
  });
  handIn = new HandIn({
    attempt,
    path: path("hand-in"),
    epoch: lease.epoch,
    outbox,
    question: handInQuestion,
    onDone: finish,
    onRefused: (error) => {
      if (error.code === "lease_lost") lose();
      else if (error.code === "attempt_closed") finish();
    },
  });
  const recovery = outbox.recover(lease.answers).then(() => outbox.items.forEach(reconcile));
  await Promise.race([recovery, rest(RECOVERY_MS)]);
  sheet.open();
  sheet.view.lock(phase !== "open");
  handIn.allow(phase === "open");
  showState();
  tellNotices(lease.notices || []);
  presenceTimer = setTimeout(beat, phase === "open" ? PRESENCE_MS : CLOSING_MS);
  proctor = lease.proctor.required ? watch({ attempt, epoch: lease.epoch, csrf: csrfToken, onLook: beat }) : null;
}

/** Asks the server. Every answer tells how much time is left, and that the connection is there. */
async function ask(action, body, patience) {
  const askedAt = performance.now();
  const began = Date.now();
  try {
    const reply = await post(path(action), body, patience);
    absence.end();
    connected = true;
    clock.sync(reply.time_left_ms, askedAt);
    return reply;
  } catch (error) {
    if (error.status) absence.end();
    else absence.begin(began);
    throw error;
  }
}

/** True when trying again is worth it. */
function cannotOpen(error) {
  if (error.asksForLogin) {
    askForLogin(error);
  } else if (error.code === "takeover_needed") {
    leave(path("takeover"));
    return false;
  } else if (error.code === "attempt_closed") {
    leaveOrExport();
    return false;
  } else if (error.code === "not_admitted") {
    notify("connection", "bad", error.message, { label: "返回测评列表", href: "/papers" });
    element("loading").hidden = true;
    return false;
  } else {
    notify("connection", "warn", "网络不通，正在重新连接。请不要关闭页面，已保存的答案不会丢失。");
  }
  return true;
}

/** Over before it could be opened again: what lies here can't be sent any more, only carried. */
async function leaveOrExport() {
  const entries = await store.of(attempt).catch(() => []);
  if (!entries.length) {
    leave(path("result"));
    return;
  }
  element("loading").hidden = true;
  notify("export", "bad", `本次测评已结束，还有${entries.length}个答案没有上传。请导出后交给考核机构核查（文件已加密）。`,
    { label: "导出未上传的答案", press: () => download(attempt, entries) },
    { label: "查看结果", href: path("result") });
}

/* Answers */

function arrived({ item, option, doubtful }, reply) {
  hush("connection");
  if (reply.outcome === "late") {
    late.add(item);
    notify("late", "warn", `第${numbers(late)}题的答案在截止后才到达，已保存供考核机构核查，未计入成绩。`);
  } else {
    if (reply.outcome !== "superseded") acknowledged.set(item, option);
    if (!doubtful || reply.outcome !== "superseded") settle(item);
  }
  reconcile(item);
  if (reply.epoch > lease.epoch) lose();
}

/** The server will never take this one: the page must not look as if it had. */
function takeBack({ item }, error) {
  refused.set(item, error.message);
  tellRefused();
  reconcile(item);
}

function settle(item) {
  if (refused.delete(item)) tellRefused();
  showState();
}

function tellRefused() {
  if (refused.size) notify("refused", "bad", `第${numbers(refused.keys())}题没有保存：${[...refused.values()].pop()}`);
  else hush("refused");
}

function numbers(items) {
  return [...items].map((item) => sheet.number(item)).sort((one, other) => one - other).join("、");
}

/** Shows what waits for an item, else what the server has. */
function reconcile(item) {
  if (!sheet.number(item)) return;
  const option = outbox.waiting(item) ?? acknowledged.get(item);
  if (option === sheet.answerTo(item)) return;
  sheet.answer(item, option);
  if (sheet.current.id === item) sheet.redraw();
}

function showState() {
  const [kind, words] = saveState();
  const line = element("save-state");
  line.dataset.kind = kind;
  if (line.textContent !== words) line.textContent = words;
  line.title = words;
  if (outbox.unsent && outbox.state === "login") askForLogin(outbox.problem);
  handIn?.update();
}

function saveState() {
  const trouble = outbox.unsent && TROUBLES[outbox.state];
  if (trouble) {
    const [why, then] = trouble;
    return ["warn", outbox.safe ? `${why}，答案已存在本机，${then}` : `${why}，答案尚未上传，请不要关闭页面`];
  }
  if (outbox.unsent) return phase === "closed" ? SAVE_STATES.refused : SAVE_STATES.saving;
  if (refused.size) return SAVE_STATES.refused;
  if (ended()) return SAVE_STATES.stopped;
  if (!connected) return SAVE_STATES.reconnecting;
  return acknowledged.size ? SAVE_STATES.saved : SAVE_STATES.empty;
}

function askForLogin(error) {
  const why = error && error.status !== 401 ? "当前登录的不是本卷的医师。请用您的账号重新登录" : "登录已失效。请重新登录";
  const until = outbox && !outbox.safe ? "在此之前请不要关闭本页。" : "";
  notify("connection", "warn", `${why}后回到本页，未上传的答案会自动补传。${until}`, { label: "重新登录", href: "/login" });
}

/* Presence */

async function beat() {
  if (!outbox || ended()) return;
  if (beating) {
    beatAgain = true;
    return;
  }
  beating = true;
  clearTimeout(presenceTimer);
  do {
    beatAgain = false;
    await beatOnce();
  } while (beatAgain && !ended());
  beating = false;
  if (ended()) return;
  // Spread out: at 0:00 everybody who started together asks together.
  presenceTimer = setTimeout(beat, phase === "open" ? PRESENCE_MS : CLOSING_MS * (1 + Math.random()));
}

async function beatOnce() {
  const events = evidence.next;
  try {
    const { state, epoch, notices } = await ask("presence", { epoch: lease.epoch, events });
    evidence.drop(events);
    hush("connection");
    // The line is good again, the login as well: whoever waits need not wait any longer.
    wake();
    proctor?.resume();
    tellNotices(notices);
    if (epoch > lease.epoch) lose();
    else if (!OPEN_STATES.includes(state)) finish();
  } catch (error) {
    if (error.code === "lease_lost") lose();
    else if (error.code === "attempt_closed") finish();
    else if (error.code === "bad_body") evidence.drop(events); // or no beat would ever succeed
    else if (error.asksForLogin) askForLogin(error);
    else connected = false;
  }
  showState();
}

/** Each of the invigilator's words until it was read, here or on the device before, and never again. */
function tellNotices(notices) {
  const known = recall(READ_NOTICES);
  const read = known && known.set === attempt ? known.ids : [];
  for (const { id, text, at, acknowledged: readElsewhere } of notices) {
    if (readElsewhere || read.includes(id)) continue;
    notify(`notice-${id}`, "info", `考核机构通知（${timeOfDay(at)}）：${text}`, understood(`notice-${id}`, () => {
      read.push(id);
      remember(READ_NOTICES, { set: attempt, ids: read });
      acknowledge(id);
    }));
  }
}

/** Staff see that it was read. Tried once more: whether they know changes nothing for the paper. */
async function acknowledge(id) {
  for (const wait of [0, ACKNOWLEDGE_AGAIN_MS]) {
    await new Promise((resolve) => { setTimeout(resolve, wait); });
    try {
      return await post(path(`notices/${id}/acknowledgement`), {});
    } catch (error) {
      if (!error.passing) return;
    }
  }
}

function ended() {
  return phase === "lost" || phase === "closed";
}

/* Time */

function showTime(left) {
  const face = element("clock-time");
  const text = spell(left);
  if (face.textContent !== text) face.textContent = text;
  const over = left <= 0;
  const short = left <= WARN_MS;
  element("clock").dataset.kind = short ? "warn" : "muted";
  element("clock-label").textContent = over ? "时间到" : short ? "不足5分钟" : "剩余时间";
  const minutes = milestones.pass(left);
  if (minutes) element("announcer").textContent = `还剩${minutes}分钟`;
  if (over && phase === "open") timeIsUp();
  else if (!over && phase === "over") timeIsBack();
}

function tellMoreTime(grown) {
  milestones.again();
  const seconds = Math.round(grown / 1000);
  const more = seconds < 60 ? `${seconds}秒` : `${Math.round(seconds / 60)}分钟`;
  notify("more-time", "info", `考试时间已延长${more}。`, understood("more-time"));
}

function timeIsUp() {
  phase = "over";
  handIn?.allow(false);
  sheet?.view.lock(true);
  notify("end", "warn", "考试时间到，作答已停止。系统正在交卷，请保持网络畅通，不要关闭页面。");
  if (outbox) setTimeout(() => outbox.unsent && offerExport(attempt, outbox), EXPORT_AFTER_MS);
  beat();
}

/** The server gave time (an outage credited, a device clock that was wrong). */
function timeIsBack() {
  phase = "open";
  hush("end");
  sheet?.view.lock(false);
  handIn?.allow(true);
}

function stop(end) {
  phase = end;
  clock.stop();
  absence.stop();
  sheet.view.lock(true);
  handIn.allow(false);
  proctor?.stop();
  showState();
}

/** The unsent still leave: they count where the newer page has no answer. */
function lose() {
  if (ended()) return;
  stop("lost");
  notify("end", "bad", "本卷已在其他页面或设备打开，本页只能查看，不能作答。", {
    label: "改在本页作答",
    press: () => {
      leaving = !outbox.unsent || outbox.safe;
      location.reload();
    },
  });
}

async function finish(resultUrl = lease.result_url) {
  if (phase === "closed") return;
  stop("closed");
  const toResult = { label: "查看结果", press: () => leave(resultUrl) };
  const timer = setTimeout(() => offerExport(attempt, outbox, toResult), EXPORT_AFTER_MS);
  await outbox.drained();
  clearTimeout(timer);
  hush("end");
  if (outbox.unsent) {
    offerExport(attempt, outbox, toResult);
  } else if (late.size || refused.size) {
    notify("end", "info", "本次测评已结束。", toResult);
  } else {
    forget(MEMORY);
    forget(READ_NOTICES);
    leave(resultUrl);
  }
}

function handInQuestion() {
  const open = sheet.unanswered;
  const lost = refused.size ? `第${numbers(refused.keys())}题没有保存。` : "";
  return lost + (open ? `您还剩${open}题未做，现在是否交卷？` : "您已答完全部题目，现在是否交卷？");
}

/* Leaving */

function leave(url) {
  leaving = true;
  // Going back must not lead into a paper that is over.
  location.replace(url);
}

addEventListener("beforeunload", (event) => {
  const timeRuns = lease && phase === "open";
  if (leaving || !(timeRuns || outbox?.unsent)) return;
  event.preventDefault();
  event.returnValue = "";
});

// Back from the browser's cache the lease is stale.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  leaving = true;
  location.reload();
});
document.addEventListener("visibilitychange", () => document.hidden || beat());
// One line each, so that the question stays where it is; a tap shows the whole of it over the question.
element("sheet-state").addEventListener("click", () => element("sheet-state").classList.toggle("whole"));

start();
