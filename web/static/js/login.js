/**
 * The login page: a province whose page differs is opened as soon as it is chosen, the ways to activation and to a new
 * password are those of the province; 显示 / 隐藏 of the password.
 */

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
  const lead = () => {
    for (const link of document.querySelectorAll(".entry-links a")) {
      const address = new URL(link.href);
      if (province.value) address.searchParams.set("province", province.value);
      else address.searchParams.delete("province");
      link.href = address;
    }
  };
  province.addEventListener("change", open);
  province.addEventListener("change", lead);
  lead(); // chosen before this script came, or restored by the browser
  // Chosen before this script came. Somebody who goes back finds their choice restored, and isn't sent on again.
  const [way] = performance.getEntriesByType("navigation");
  if (isTyped(province) && way?.type !== "back_forward") open();
}
