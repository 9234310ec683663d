// The plan of a mixture: the text, the small form and the epoch slider show one plan in place.
(() => {
  const box = document.querySelector("[data-fusion]");
  if (!box) return;
  const { say, request, debounce, Editor } = window.gh;
  const editor = new Editor(box.querySelector("[data-editor]"));
  const plan = box.querySelector("[data-plan]");
  const state = box.querySelector("[data-state]");
  const slider = box.querySelector("[data-epoch]");
  const shown = box.querySelector("[data-epoch-out]");
  const use = document.querySelector("[data-use]");
  const form = box.querySelector("[data-add]");
  const complaint = box.querySelector("[data-add-error]");
  const LONGEST_LINK = 6000;
  let turn = 0;

  const remember = () => {
    const query = new URLSearchParams({ text: editor.text, epoch: slider.value });
    if (editor.text.length <= LONGEST_LINK) history.replaceState(null, "", `?${query}`);
  };
  const ask = async (more = {}) => {
    const mine = ++turn;
    state.textContent = say("checking");
    try {
      const answer = await request(box.dataset.planUrl, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text: editor.text, epoch: Number(slider.value), ...more }) });
      if (!answer.ok) return false;
      const data = await answer.json();
      if (mine !== turn) return true;
      if (more.add) editor.text = data.text;
      editor.show(data.problems);
      // While a text is wrong the last plan stays, faded, so that nothing jumps.
      plan.classList.toggle("stale", data.problems.length > 0);
      if (!data.problems.length) plan.innerHTML = data.plan;
      if (use) {
        use.href = `${box.dataset.launchUrl}?${new URLSearchParams({ kind: "sft", text: data.run_text })}`;
        use.setAttribute("aria-disabled", String(!data.run_text));
      }
      remember();
      state.textContent = "";
      return true;
    } catch {
      state.textContent = say("check_unreachable");
      return true;
    }
  };
  editor.area.addEventListener("input", debounce(350, () => ask()));
  slider.addEventListener("input", () => { shown.textContent = slider.value; });
  slider.addEventListener("input", debounce(120, () => ask()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const add = Object.fromEntries(new FormData(form));
    const taken = await ask({ add });
    complaint.hidden = taken;
    complaint.textContent = taken ? "" : say("add_refused");
    if (taken) form.elements.dataset.value = "";
    state.textContent = "";
  });
  editor.show(JSON.parse(document.getElementById("first-problems").textContent));
})();
