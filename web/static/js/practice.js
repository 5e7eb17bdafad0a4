/** Practice: every choice is judged at once; 显示答案 shows the key and why. */

import { get, post } from "./api.js";
import { hush, notify } from "./notices.js";
import { pauseAfter, rest } from "./retry.js";
import { Sheet } from "./sheet.js";

const set = document.getElementById("practice").dataset.set;
const path = (tail) => `/practice/sets/${encodeURIComponent(set)}${tail}`;
const element = (id) => document.getElementById(id);

// What is known of each item: the last judged choice, and the key once it was asked for.
const judged = new Map();
const revealed = new Map();
let sheet;

element("reveal").addEventListener("click", reveal);
open();

async function open() {
  let content;
  for (let failures = 1; !content; failures += 1) {
    try {
      content = await get(path(".json"));
    } catch (error) {
      tell(error);
      if (!error.passing) {
        element("loading").hidden = true;
        return;
      }
      await rest(pauseAfter(failures));
    }
  }
  hush("trouble");
  const chosen = new Map();
  for (const [item, { option, right }] of Object.entries(content.answers)) {
    chosen.set(item, option);
    judged.set(item, { option, right });
  }
  sheet = new Sheet({ items: content.items, answers: chosen, memory: "sheet:practice", set, onChoose: judge, onShow: decorate });
  sheet.open();
}

async function judge(item, option) {
  judged.delete(item.id);
  if (sheet.current === item) sheet.view.clearVerdicts();
  try {
    const { right } = await post(path("/answers"), { item: item.id, option });
    judged.set(item.id, { option, right });
    hush("trouble");
  } catch (error) {
    sheet.answer(item.id, undefined);
    if (sheet.current === item) sheet.redraw();
    tell(error);
  }
  if (sheet.current === item) decorate(item);
}

async function reveal() {
  const item = sheet.current;
  try {
    revealed.set(item.id, await post(path("/reveal"), { item: item.id }));
    hush("trouble");
  } catch (error) {
    tell(error);
  }
  if (sheet.current === item) decorate(item);
}

function decorate(item) {
  const choice = judged.get(item.id);
  const answer = revealed.get(item.id);
  sheet.view.clearVerdicts();
  if (answer) sheet.view.judge(answer.key, "key");
  if (choice) sheet.view.judge(choice.option, choice.right ? "right" : "wrong");
  sheet.view.lock(Boolean(answer || (choice && choice.right)));
  element("reveal").hidden = Boolean(answer);
  element("explanation").hidden = !answer;
  element("explanation-text").textContent = answer ? answer.explanation || "本题暂无解析。" : "";
  element("outcome").textContent = outcome(choice, answer);
}

function outcome(choice, answer) {
  if (!choice) return "";
  if (choice.right) return "回答正确";
  return answer ? "回答错误" : "回答错误，可以再选，或显示答案";
}

function tell(error) {
  if (error.status === 401) notify("trouble", "warn", "登录已失效，请重新登录后继续练习。", { label: "重新登录", href: "/login" });
  else notify("trouble", "warn", error.passing ? "网络不通，请稍后再试。" : error.message);
}
