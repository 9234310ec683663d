// A text area for YAML: line numbers, lines with problems marked, problems listed and clickable.
// <div data-editor> <textarea> </div>; problems come as [{line, column, path, message}].
(() => {
  const { say, el, icon } = window.gh;
  const INDENT = "  ";

  class Editor {
    constructor(box) {
      this.box = box;
      this.area = box.querySelector("textarea");
      this.gutter = el("div", { class: "gutter", "aria-hidden": "true" });
      this.marks = el("div", { class: "marks", "aria-hidden": "true" });
      box.prepend(this.gutter, this.marks);
      this.problems = [];
      this.list = document.getElementById(box.dataset.problems ?? "");
      this.area.addEventListener("input", () => this.layout());
      this.area.addEventListener("scroll", () => this.follow());
      this.area.addEventListener("keydown", (event) => this.key(event));
      this.list?.addEventListener("click", (event) => {
        const line = event.target.closest("[data-line]");
        if (line) this.go(Number(line.dataset.line), Number(line.dataset.column));
      });
      this.layout();
    }
    get text() { return this.area.value; }
    set text(value) {
      if (value === this.area.value) return;
      const { selectionStart, scrollTop } = this.area;
      this.area.value = value;
      this.area.setSelectionRange(selectionStart, selectionStart);
      this.area.scrollTop = scrollTop;
      this.layout();
    }
    key(event) {
      if (event.key === "Escape") { this.area.blur(); return; }
      if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.altKey) return;
      // Tab indents only inside text; at the end of an empty editor it still moves on.
      if (!this.area.value) return;
      event.preventDefault();
      this.area.setRangeText(INDENT, this.area.selectionStart, this.area.selectionEnd, "end");
      this.area.dispatchEvent(new Event("input", { bubbles: true }));
    }
    layout() {
      const count = this.area.value.split("\n").length;
      if (this.gutter.childElementCount !== count) {
        this.gutter.replaceChildren(...Array.from({ length: count }, (_, i) => el("div", {}, String(i + 1))));
      }
      this.paint();
      this.follow();
    }
    follow() {
      this.gutter.scrollTop = this.area.scrollTop;
      this.marks.style.transform = `translateY(${-this.area.scrollTop}px)`;
    }
    paint() {
      const lines = new Set(this.problems.map((p) => p.line));
      [...this.gutter.children].forEach((row, i) => row.classList.toggle("wrong", lines.has(i + 1)));
      this.marks.replaceChildren(...[...lines].filter((n) => n > 0).map((n) => {
        const mark = el("div", { class: "wrong-line" });
        mark.style.top = `${(n - 1) * 20 + 8}px`;
        return mark;
      }));
    }
    show(problems) {
      this.problems = problems;
      this.area.setAttribute("aria-invalid", String(problems.length > 0));
      this.paint();
      if (!this.list) return;
      if (!problems.length) {
        this.list.replaceChildren(el("div", { class: "problem-ok ok" }, icon("check"), say("config_ok")));
        return;
      }
      const title = problems.length === 1 ? say("problems_one") : say("problems_many", { n: problems.length });
      this.list.replaceChildren(el("div", { class: "bad strong small" }, title), ...problems.map((p) =>
        el("button", { type: "button", class: "problem", "data-line": p.line, "data-column": p.column },
          el("span", { class: "mono faint nowrap" }, p.line ? `${p.line}:${p.column}` : "–"),
          el("span", {}, el("b", { class: "mono" }, p.path), " ", p.message))));
    }
    go(line, column) {
      const rows = this.area.value.split("\n");
      const start = rows.slice(0, Math.max(0, line - 1)).reduce((sum, row) => sum + row.length + 1, 0);
      const at = start + Math.max(0, column - 1);
      this.area.focus();
      this.area.setSelectionRange(at, start + (rows[line - 1]?.length ?? 0));
      this.area.scrollTop = Math.max(0, (line - 6) * 20);
    }
  }
  window.gh.Editor = Editor;

  // The config editor: check as one types, keep what was typed when the check does not answer.
  const form = document.querySelector("form[data-config-editor]");
  if (!form) return;
  const editor = new Editor(form.querySelector("[data-editor]"));
  let turn = 0;
  const check = async () => {
    const mine = ++turn;
    try {
      const answer = await window.gh.request(form.dataset.check, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text: editor.text }) });
      const data = await answer.json();
      if (mine === turn) editor.show(data.problems ?? []);
    } catch {
      if (mine === turn) editor.list?.replaceChildren(el("div", { class: "warn" }, say("check_unreachable")));
    }
  };
  editor.area.addEventListener("input", window.gh.debounce(350, check));
  let dirty = false;
  editor.area.addEventListener("input", () => { dirty = true; });
  form.addEventListener("submit", () => { dirty = false; });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  if (editor.text.trim()) check();
})();
