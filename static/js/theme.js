// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const choice = root.dataset.theme;
    root.dataset.bsTheme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
    document.dispatchEvent(new Event("theme"));
  };
  window.setTheme = (choice) => {
    root.dataset.theme = choice;
    document.cookie = `theme=${choice};path=/;max-age=31536000;samesite=lax`;
    apply();
  };
  system.addEventListener("change", apply);
  apply();
})();
