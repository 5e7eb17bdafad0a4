/** 显示 / 隐藏 beside a password field; without scripts the button stays hidden and nothing is missed. */

for (const button of document.querySelectorAll("[data-reveals]")) {
  const field = document.getElementById(button.dataset.reveals);
  button.hidden = false;
  button.addEventListener("click", () => {
    const reveal = field.type === "password";
    field.type = reveal ? "text" : "password";
    button.firstElementChild.textContent = reveal ? "隐藏" : "显示";
  });
  // A password manager expects a password field, and nobody should leave a readable one behind.
  field.form.addEventListener("submit", () => {
    field.type = "password";
  });
}
