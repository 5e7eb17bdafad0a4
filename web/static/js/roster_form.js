// Sex and birth follow from an identity number while it is typed; the server reads them from it in any case.

const number = document.getElementById("number");
const kind = document.getElementById("document_type");
const born = document.getElementById("born_on");
const sex = document.getElementById("sex");

function fill() {
  if (kind.value !== "identity_card") return;
  const digits = number.value.replace(/\s/g, "").toUpperCase();
  let day = "";
  let order = "";
  if (/^\d{17}[\dX]$/.test(digits)) [day, order] = [digits.slice(6, 14), digits[16]];
  else if (/^\d{15}$/.test(digits)) [day, order] = [`19${digits.slice(6, 12)}`, digits[14]];
  else return;
  born.value = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
  sex.value = Number(order) % 2 ? "male" : "female";
}

if (number) {
  number.addEventListener("change", fill);
  kind.addEventListener("change", fill);
}
