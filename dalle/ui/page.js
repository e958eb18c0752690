// What only a browser can do: theme, address, clipboard, files dropped anywhere, and noticing that the server is gone.
window.dalle = (() => {
  const find = (selector) => document.querySelector(selector);

  // --- light or dark

  // The class is what Gradio looks at; the parameter is what it reads when a page is opened.
  function light(theme) {
    document.body.classList.toggle("dark", theme === "dark");
    localStorage.setItem("dalle-theme", theme);
    const url = new URL(location);
    url.searchParams.set("__theme", theme);
    history.replaceState(history.state, "", url);
  }
  const remembered = localStorage.getItem("dalle-theme");
  if (remembered && !new URLSearchParams(location.search).has("__theme")) light(remembered);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".lamp")) light(document.body.classList.contains("dark") ? "light" : "dark");
  });

  // --- the open picture: its address, its file

  let link = "";
  let later;
  function address(query) {
    if (!query) return;
    link = `${location.origin}${location.pathname}?${query}`;
    clearTimeout(later); // browsers refuse an address that changes with every step of a slider
    later = setTimeout(() => {
      const page = [...new URLSearchParams(location.search)].filter(([name]) => name.startsWith("__"));
      history.replaceState(history.state, "", [link, ...page.map((pair) => pair.join("="))].join("&"));
    }, 300);
  }

  async function copy(query, button = "#copy_link") {
    const text = query ? `${location.origin}${location.pathname}?${query}` : link;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      prompt("", text); // browsers give no clipboard to pages without https
    }
    done(button);
  }

  function download() {
    const figure = find("#picture figure");
    const link = document.createElement("a");
    link.href = figure.querySelector("img").src;
    link.download = figure.dataset.name;
    link.click();
    done("#download");
  }

  function done(selector) {
    const button = find(selector);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  }

  // --- a file that is dropped anywhere, or pasted in the Edit tab, goes to the one place of the open tab

  const editing = () => Boolean(find("#edit-open")?.offsetParent);
  const place = () => (editing() ? "#edit-open" : find("#zone")?.offsetParent ? "#teach-files" : "#drop");
  function give(files) {
    const input = find(place())?.parentElement.querySelector("input[type=file]");
    if (!input) return false;
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }
  addEventListener("paste", (event) => {
    if (editing() && event.clipboardData?.files.length && give(event.clipboardData.files)) event.preventDefault();
  });

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const over = (on) => document.body.classList.toggle("dropping", on);
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  addEventListener("drop", (event) => {
    over(false);
    if (!hasFiles(event) || event.target.closest?.("#drop, #edit-open, #edit-other, #teach-files")) return;
    if (give(event.dataTransfer.files)) event.preventDefault();
  });

  // --- of two buttons in one place, the one that comes has the focus that the other one had

  const twins = { draw: "stop", stop: "draw", "edit-start": "edit-stop", "edit-stop": "edit-start" };
  let held;
  addEventListener("focusin", (event) => (held = twins[event.target.id] && event.target.id));
  new MutationObserver(() => {
    if (held && document.activeElement === document.body) find(`#${twins[held]}`)?.focus({ preventScroll: true });
  }).observe(document.documentElement, { childList: true, subtree: true });

  // --- is the server there?

  let known;
  setInterval(async () => {
    const banner = find("#offline");
    if (!banner || document.hidden) return;
    const id = await fetch("gradio_api/app_id").then((answer) => answer.ok && answer.text(), () => false);
    banner.hidden = Boolean(id);
    if (id && known && id !== known) location.reload(); // restarted: it knows nothing of this page any more
    known = id || known;
  }, 5000);

  return { address, copy, download };
})();
