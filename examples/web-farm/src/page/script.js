// The page works without this: it only saves reloading.
(() => {
  const farm = document.getElementById("farm");
  let shown = farm.innerHTML;

  // Replaces the table if it changed, and leaves the focus where it was.
  const look = async () => {
    try {
      const answer = await fetch("/farm/table");
      if (!answer.ok) return;
      const table = await answer.text();
      if (table === shown) return;
      shown = table;
      const focus = farm.contains(document.activeElement) && document.activeElement.id;
      farm.innerHTML = table;
      if (focus) document.getElementById(focus)?.focus();
    } catch {
      // The farm is being stopped.
    }
  };
  setInterval(() => document.hidden || look(), 500);

  // Buttons of the farm do their work without a new page.
  farm.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const body = new URLSearchParams(new FormData(form));
    await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => {});
    look();
  });

  // Ten requests a second, and what becomes of them.
  const load = document.getElementById("load");
  if (!load) return;
  load.hidden = false;
  const toggle = document.getElementById("load-toggle");
  const counts = document.getElementById("load-counts");
  const values = (name) => document.getElementById("value-" + name);
  const trail = document.getElementById("trail");
  let timer, answers = 0, failures = 0;

  const ask = async () => {
    try {
      const answer = await fetch("/visit", { method: "POST" });
      if (!answer.ok) throw answer.status;
      const session = await answer.json();
      answers += 1;
      if (session.visits > Number(values("visits").textContent)) {
        values("visits").textContent = session.visits;
        trail.replaceChildren(...session.trail.map(chip));
      }
    } catch {
      failures += 1;
    }
    counts.textContent = `${answers} answered, ${failures} failed`;
    counts.classList.toggle("failed", failures > 0);
  };
  const chip = (name) => {
    const made = document.createElement("span");
    const like = [...farm.querySelectorAll(".chip")].find((each) => each.textContent === name);
    made.className = "chip";
    made.style.cssText = like ? like.style.cssText : "";
    made.textContent = name;
    return made;
  };
  toggle.addEventListener("click", () => {
    if (timer) timer = clearInterval(timer);
    else timer = setInterval(ask, 100);
    toggle.textContent = timer ? "Stop asking" : "Keep asking";
  });
})();
