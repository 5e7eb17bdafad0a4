/** The page that takes a code: how long until another one may be asked for; 显示 / 隐藏 of the passwords. */

import "./password.js";

for (const button of document.querySelectorAll("[data-waits]")) {
  const words = button.textContent;
  let left = Number(button.dataset.waits);
  const tick = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `${words}（${left}秒后）` : words;
    left -= 1;
    if (left >= 0) {
      setTimeout(tick, 1000);
    }
  };
  tick();
}
