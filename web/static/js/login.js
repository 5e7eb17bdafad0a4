/** The login page: a province whose page differs is opened as soon as it is chosen; 显示 / 隐藏 of the password. */

import "./password.js";

const province = document.getElementById("province");
if (province instanceof HTMLSelectElement) {
  const ownPage = () => province.selectedOptions[0]?.hasAttribute("data-own-page") ?? false;
  const differedAtFirst = ownPage();
  province.addEventListener("change", () => {
    if (ownPage() || differedAtFirst) {
      const address = new URL(location.href);
      address.pathname = "/login";
      address.searchParams.set("province", province.value);
      location.assign(address);
    }
  });
}
