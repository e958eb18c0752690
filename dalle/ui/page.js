// What Gradio leaves to the browser: theme, address bar, clipboard, files dropped anywhere, focus, server check.
window.dalle = (() => {
  const find = (selector) => document.querySelector(selector);

  // --- theme

  // Gradio styles by the class, and sets it from the query parameter when a page is opened.
  function setTheme(theme) {
    document.body.classList.toggle("dark", theme === "dark");
    localStorage.setItem("dalle-theme", theme);
    const url = new URL(location);
    url.searchParams.set("__theme", theme);
    history.replaceState(history.state, "", url);
  }
  const storedTheme = localStorage.getItem("dalle-theme");
  if (storedTheme && !new URLSearchParams(location.search).has("__theme")) setTheme(storedTheme);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".lamp")) setTheme(document.body.classList.contains("dark") ? "light" : "dark");
  });

  // --- the open picture: its link, its file

  let link = "";
  let addressTimer;
  function address(query) {
    if (!query) return;
    link = `${location.origin}${location.pathname}?${query}`;
    clearTimeout(addressTimer); // browsers limit how often the address may change; a slider changes it too often
    addressTimer = setTimeout(() => {
      const gradioParameters = [...new URLSearchParams(location.search)].filter(([name]) => name.startsWith("__"));
      history.replaceState(history.state, "", [link, ...gradioParameters.map((pair) => pair.join("="))].join("&"));
    }, 300);
  }

  // Copies the link of `query`, or of the open picture.
  async function copy(query, button = "#copy_link") {
    const text = query ? `${location.origin}${location.pathname}?${query}` : link;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      prompt("", text); // no clipboard on pages without https
    }
    markDone(button);
  }

  function download() {
    const figure = find("#picture figure");
    const anchor = document.createElement("a");
    anchor.href = figure.querySelector("img").src;
    anchor.download = figure.dataset.name;
    anchor.click();
    markDone("#download");
  }

  // Shows a check mark on a button for a moment.
  function markDone(selector) {
    const button = find(selector);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  }

  // --- a double click sets a slider to where it was when the picture was opened

  addEventListener("dblclick", (event) => {
    const range = event.target.closest?.('.sliders input[type="range"]');
    const homes = Object.assign(
      {},
      ...[...document.querySelectorAll("[data-homes]")].map((element) => JSON.parse(element.dataset.homes)),
    );
    const home = range && homes[range.closest(".block")?.id];
    if (home === undefined) return;
    range.value = home;
    range.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // --- files dropped anywhere, or pasted in the Edit tab, go to the upload button of the open tab

  const editTabIsOpen = () => Boolean(find("#edit-open")?.offsetParent);
  const uploadButton = () =>
    editTabIsOpen() ? "#edit-open" : find("#zone")?.offsetParent ? "#teach-files" : "#drop";
  // Uploads files as if the visitor had selected them; false if the tab has no upload button.
  function upload(files) {
    const input = find(uploadButton())?.parentElement.querySelector("input[type=file]");
    if (!input) return false;
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }
  addEventListener("paste", (event) => {
    if (editTabIsOpen() && event.clipboardData?.files.length && upload(event.clipboardData.files)) event.preventDefault();
  });

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const showDropTarget = (visible) => document.body.classList.toggle("dropping", visible);
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    showDropTarget(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget || showDropTarget(false));
  addEventListener("drop", (event) => {
    showDropTarget(false);
    if (!hasFiles(event) || event.target.closest?.("#drop, #edit-open, #edit-other, #teach-files")) return;
    if (upload(event.dataTransfer.files)) event.preventDefault();
  });

  // --- when a button is replaced by its counterpart, the focus moves to it

  const counterparts = { draw: "stop", stop: "draw", "edit-start": "edit-stop", "edit-stop": "edit-start" };
  let focusedId; // of a button with a counterpart
  addEventListener("focusin", (event) => (focusedId = counterparts[event.target.id] && event.target.id));
  new MutationObserver(() => {
    if (focusedId && document.activeElement === document.body)
      find(`#${counterparts[focusedId]}`)?.focus({ preventScroll: true });
  }).observe(document.documentElement, { childList: true, subtree: true });

  // --- does the server answer?

  let knownId;
  setInterval(async () => {
    const banner = find("#offline");
    if (!banner || document.hidden) return;
    const id = await fetch("gradio_api/app_id").then((response) => response.ok && response.text(), () => false);
    banner.hidden = Boolean(id);
    if (id && knownId && id !== knownId) location.reload(); // it was restarted and has lost this page's state
    knownId = id || knownId;
  }, 5000);

  return { address, copy, download };
})();
