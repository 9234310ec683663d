// A coordinate token that is pointed at is drawn over the image, as the line on which it lies.
(() => {
  const record = document.querySelector("[data-record]");
  if (!record) return;
  const NS = "http://www.w3.org/2000/svg";
  const clear = () => { for (const line of record.querySelectorAll("svg.over .coord-line")) line.remove(); };
  const show = (chip) => {
    clear();
    const layer = record.querySelector("svg.over");
    if (!layer) return;
    const { width, height } = layer.viewBox.baseVal;
    const at = chip.dataset.at;
    const ends = chip.dataset.axis === "x" ? { x1: at, x2: at, y1: 0, y2: height } : { x1: 0, x2: width, y1: at, y2: at };
    const line = document.createElementNS(NS, "line");
    line.setAttribute("class", "coord-line");
    for (const [key, value] of Object.entries(ends)) line.setAttribute(key, value);
    layer.append(line);
  };
  for (const type of ["mouseover", "focusin"]) {
    record.addEventListener(type, (event) => {
      const chip = event.target.closest("[data-at]");
      if (chip) show(chip);
      else clear();
    });
  }
  record.addEventListener("mouseleave", clear);
})();
