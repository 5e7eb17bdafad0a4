/** The paper: takes the lease, shows the questions, sends the answers, watches the clock, hands in. */

import { csrfToken, post } from "./api.js";
import { Countdown, spell } from "./clock.js";
import { closeDialog, openDialog } from "./dialog.js";
import { forget } from "./memory.js";
import { hush, notify } from "./notices.js";
import { Outbox } from "./outbox.js";
import { pauseAfter, rest } from "./retry.js";
import { Sheet } from "./sheet.js";
import { watch } from "./watch.js";

const MEMORY = "sheet:paper";
const PRESENCE_MS = 15_000;
const CLOSING_MS = 3000;
const WARN_MS = 5 * 60_000;
const ANNOUNCED_MINUTES = [1, 5, 10];
const OPEN_STATES = ["admitted", "running", "closing"];

const SAVE_STATES = {
  empty: ["muted", "选择答案后自动保存"],
  saving: ["wait", "正在保存"],
  saved: ["ok", "已保存"],
  offline: ["warn", "网络中断，答案尚未上传，正在重试"],
  login: ["warn", "登录已失效，答案尚未上传"],
  reconnecting: ["warn", "网络中断，正在重新连接"],
  stopped: ["muted", "本页已停止作答"],
};

const attempt = document.getElementById("paper").dataset.attempt;
const path = (action) => `/attempts/${encodeURIComponent(attempt)}/${action}`;
const element = (id) => document.getElementById(id);

let lease;
let sheet;
let outbox;
let proctor;
let presenceTimer = 0;
let lastLeft = Infinity;
// "open" → "over" (0:00, the server is closing) → "closed"; or "lost" to another page.
let phase = "open";
const acknowledged = new Map();
const clock = new Countdown({ onTick: showTime, onJump: beat });

async function start() {
  for (let failures = 1; !lease; failures += 1) {
    const askedAt = performance.now();
    try {
      lease = await post(path("lease"), {});
      clock.sync(lease.time_left_ms, askedAt);
    } catch (error) {
      if (!cannotOpen(error)) return;
      await rest(pauseAfter(failures));
    }
  }
  hush("connection");
  for (const [item, option] of Object.entries(lease.answers)) if (option) acknowledged.set(item, option);
  outbox = new Outbox({
    nextSeq: lease.next_seq,
    send: (entry) => synced("answers", entry),
    onState: showSaving,
    onSaved: ({ item, option }) => {
      acknowledged.set(item, option);
      hush("connection");
    },
    onRefused: takeBack,
    onEnd: (code) => (code === "lease_lost" ? lose() : finish()),
  });
  sheet = new Sheet({
    items: lease.items,
    answers: new Map(acknowledged),
    memory: MEMORY,
    set: attempt,
    onChoose: (item, option) => outbox.put(item.id, option),
  });
  sheet.open();
  sheet.view.lock(phase !== "open");
  element("hand-in").hidden = false;
  showSaving(acknowledged.size ? "saved" : "empty");
  presenceTimer = setTimeout(beat, phase === "open" ? PRESENCE_MS : CLOSING_MS);
  proctor = lease.proctor.required ? watch({ attempt, epoch: lease.epoch, csrf: csrfToken }) : null;
}

/** True when trying again is worth it. */
function cannotOpen(error) {
  if (error.passing) {
    notify("connection", "warn", "网络不通，正在重新连接。请不要关闭页面，已保存的答案不会丢失。");
  } else if (error.status === 401) {
    askForLogin();
  } else if (error.code === "attempt_closed") {
    leave(path("result"));
    return false;
  } else {
    notify("connection", "bad", error.message, { label: "返回测评列表", href: "/papers" });
    element("loading").hidden = true;
    return false;
  }
  return true;
}

/** Every acknowledgement carries the time left. */
async function synced(action, body) {
  const askedAt = performance.now();
  const reply = await post(path(action), { epoch: lease.epoch, ...body });
  clock.sync(reply.time_left_ms, askedAt);
  return reply;
}

function showSaving(state) {
  const [kind, words] = SAVE_STATES[state];
  const line = element("save-state");
  line.dataset.kind = kind;
  line.textContent = words;
  if (state === "login") askForLogin();
}

function askForLogin() {
  notify("connection", "warn", "登录已失效。请重新登录后回到本页，未上传的答案会自动补传；在此之前请不要关闭本页。", {
    label: "重新登录",
    href: "/login",
  });
}

/** The server will never take this one: the page must not look as if it had. */
function takeBack({ item }, error) {
  sheet.answer(item, outbox.waiting(item) ?? acknowledged.get(item));
  if (sheet.current.id === item) sheet.redraw();
  notify("refused", "bad", `第${sheet.number(item)}题没有保存：${error.message}`);
}

async function beat() {
  clearTimeout(presenceTimer);
  if (!outbox || ended()) return;
  try {
    const { state, notices } = await synced("presence");
    hush("connection");
    if (notices.length) notify("server", "info", notices.join("\n"));
    else hush("server");
    if (!outbox.unsent) showSaving(acknowledged.size ? "saved" : "empty");
    proctor?.resume();
    if (!OPEN_STATES.includes(state)) finish();
  } catch (error) {
    if (error.code === "lease_lost") lose();
    else if (error.code === "attempt_closed") finish();
    else if (error.status === 401) askForLogin();
    else if (!outbox.unsent) showSaving("reconnecting");
  }
  // Spread out: at 0:00 everybody who started together asks together.
  const pause = phase === "open" ? PRESENCE_MS : CLOSING_MS * (1 + Math.random());
  clearTimeout(presenceTimer);
  if (!ended()) presenceTimer = setTimeout(beat, pause);
}

function ended() {
  return phase === "lost" || phase === "closed";
}

function showTime(left) {
  const face = element("clock-time");
  const text = spell(left);
  if (face.textContent !== text) face.textContent = text;
  const over = left <= 0;
  const short = left <= WARN_MS;
  element("clock").dataset.kind = short ? "warn" : "muted";
  element("clock-label").textContent = over ? "时间到" : short ? "不足5分钟" : "剩余时间";
  const minutes = ANNOUNCED_MINUTES.find((each) => left <= each * 60_000 && lastLeft > each * 60_000);
  if (minutes && !over && lastLeft !== Infinity) element("announcer").textContent = `还剩${minutes}分钟`;
  lastLeft = left;
  if (over && phase === "open") timeIsUp();
  else if (!over && phase === "over") timeIsBack();
}

function timeIsUp() {
  phase = "over";
  closeDialog(element("hand-in-dialog"));
  sheet?.view.lock(true);
  element("hand-in").disabled = true;
  notify("end", "warn", "考试时间到，作答已停止。系统正在交卷，请保持网络畅通，不要关闭页面。");
  beat();
}

/** The server gave time (an outage credited, a device clock that was wrong). */
function timeIsBack() {
  phase = "open";
  hush("end");
  sheet.view.lock(false);
  element("hand-in").disabled = false;
}

function lose() {
  if (ended()) return;
  phase = "lost";
  closeDialog(element("hand-in-dialog"));
  clock.stop();
  sheet.view.lock(true);
  element("hand-in").disabled = true;
  proctor?.stop();
  showSaving("stopped");
  notify("end", "bad", "本卷已在其他页面或设备打开，本页只能查看，不能作答。", {
    label: "改在本页作答",
    press: () => location.reload(),
  });
}

async function finish(resultUrl = lease.result_url) {
  if (phase === "closed") return;
  phase = "closed";
  clock.stop();
  sheet.view.lock(true);
  proctor?.stop();
  await outbox.drained();
  forget(MEMORY);
  leave(resultUrl);
}

function leave(url) {
  // Going back must not lead into a paper that is over.
  location.replace(url);
}

/* Handing in */

const dialog = element("hand-in-dialog");
// The press that is being carried out; 继续答题 takes it back.
let press = null;

element("hand-in").addEventListener("click", () => {
  const open = sheet.unanswered;
  element("hand-in-question").textContent = open ? `您还剩${open}题未做，现在是否交卷？` : "您已答完全部题目，现在是否交卷？";
  sayHandIn("");
  element("hand-in-now").disabled = false;
  openDialog(dialog);
});

element("keep-going").addEventListener("click", () => closeDialog(dialog));
dialog.addEventListener("close", () => {
  press = null;
});

element("hand-in-now").addEventListener("click", async () => {
  const mine = Symbol("press");
  press = mine;
  element("hand-in-now").disabled = true;
  if (outbox.unsent) sayHandIn("正在上传最后的答案…");
  await outbox.drained();
  for (let failures = 1; press === mine; failures += 1) {
    sayHandIn("正在交卷…");
    try {
      const reply = await post(path("hand-in"), { epoch: lease.epoch });
      finish(reply.result_url);
      return;
    } catch (error) {
      if (!handInAgain(error)) return;
      await rest(pauseAfter(failures));
    }
  }
});

function handInAgain(error) {
  if (error.code === "attempt_closed") finish();
  else if (error.code === "lease_lost") lose();
  else if (error.passing) sayHandIn("网络中断，尚未交卷，正在重试…");
  else if (error.status === 401) sayHandIn("登录已失效，尚未交卷。请选择“继续答题”，重新登录后再交卷。");
  else sayHandIn(error.message);
  if (error.status === 401) askForLogin();
  return error.passing;
}

function sayHandIn(words) {
  element("hand-in-state").textContent = words;
}

addEventListener("beforeunload", (event) => {
  if (!outbox?.unsent) return;
  event.preventDefault();
  event.returnValue = "";
});

// Back from the browser's cache the lease is stale.
addEventListener("pageshow", (event) => event.persisted && location.reload());
document.addEventListener("visibilitychange", () => document.hidden || beat());

start();
