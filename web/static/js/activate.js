/** Activation: what is said of the mobile number is that of the province that is chosen. */

const province = document.getElementById("province");
const hint = document.getElementById("mobile-hint");
if (province instanceof HTMLSelectElement) {
  const follow = () => {
    const chosen = province.selectedOptions[0];
    if (chosen?.hasAttribute("data-own-page")) {
      const address = new URL("/activate", location.href);
      address.searchParams.set("province", province.value);
      location.assign(address);
    } else if (hint && chosen?.dataset.hint) {
      hint.textContent = chosen.dataset.hint;
    }
  };
  province.addEventListener("change", follow);
  if (hint && !province.selectedOptions[0]?.hasAttribute("data-own-page")) follow(); // chosen before this script came
}
