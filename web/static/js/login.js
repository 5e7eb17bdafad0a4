/** The login page: a province whose page differs is opened as soon as it is chosen; 显示 / 隐藏 of the password. */

import "./password.js";
import { isTyped } from "./typed.js";

const province = document.getElementById("province");
if (province instanceof HTMLSelectElement) {
  const ownPage = () => province.selectedOptions[0]?.hasAttribute("data-own-page") ?? false;
  const differedAtFirst = province.querySelector("option[selected]")?.hasAttribute("data-own-page") ?? false;
  const open = () => {
    if (ownPage() || differedAtFirst) {
      const address = new URL(location.href);
      address.pathname = "/login";
      address.searchParams.set("province", province.value);
      location.assign(address);
    }
  };
  province.addEventListener("change", open);
  // Chosen before this script came. Somebody who goes back finds their choice restored, and isn't sent on again.
  const [way] = performance.getEntriesByType("navigation");
  if (isTyped(province) && way?.type !== "back_forward") open();
}
