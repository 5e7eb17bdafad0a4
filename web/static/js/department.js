// Choosing subjects: a field that narrows the list, and how many are chosen. The form works without.

const subjects = [...document.querySelectorAll(".subject")];
const filter = document.getElementById("filter");
const none = document.getElementById("none");
const opened = new Set(subjects.filter((each) => each.open));

document.getElementById("subject-tools").hidden = false;

function count() {
  let all = 0;
  for (const subject of subjects) {
    const ticked = subject.querySelectorAll("input:checked").length;
    all += ticked;
    const shown = subject.querySelector("[data-count]");
    if (shown) shown.textContent = ticked ? `已选 ${ticked} 项` : "";
  }
  document.getElementById("chosen").textContent = all ? `已选 ${all} 项` : "还没有选择";
}

function narrow() {
  const wanted = filter.value.trim();
  let found = 0;
  for (const subject of subjects) {
    const own = subject.querySelector("summary span, .tick span").textContent.includes(wanted);
    let some = own;
    for (const tick of subject.querySelectorAll(".tick")) {
      const fits = own || tick.textContent.includes(wanted);
      tick.hidden = !fits;
      some ||= fits;
    }
    subject.hidden = !some;
    if (some) found += 1;
    if ("open" in subject) subject.open = wanted ? some && !own : opened.has(subject);
  }
  none.hidden = found > 0;
}

for (const subject of subjects) {
  subject.addEventListener("change", count);
  subject.addEventListener("toggle", () => {
    if (filter.value.trim()) return;
    if (subject.open) opened.add(subject);
    else opened.delete(subject);
  });
}
filter.addEventListener("input", narrow);
// Enter looks, it doesn't send the form.
filter.addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});
count();
