// Makes a page live: asks for it again and puts what is new into its place. Without this script every page works as
// well, and is as of the moment when it was asked for.
'use strict';
(() => {
  const EVERY_MS = 15000;
  const note = document.getElementById('live');
  const clock = (date) => date.toISOString().slice(11, 19) + 'Z';
  let lostSince = null;

  const edited = (field) => field.localName === 'select' ? [...field.options].some((o) => o.selected !== o.defaultSelected)
    : field.type === 'checkbox' ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;

  // Nobody's page is changed under his hands.
  function busy() {
    return document.hidden || document.activeElement.localName === 'select' || String(window.getSelection()) !== '' ||
      [...document.querySelectorAll('main input, main select')].some(edited);
  }

  // What counts as a change: not the time that goes by.
  function content(main) {
    const copy = main.cloneNode(true);
    copy.querySelectorAll('.age').forEach((age) => age.remove());
    copy.querySelectorAll('details').forEach((details) => details.removeAttribute('open'));
    return copy.innerHTML;
  }

  // Where an element stands, so that its successor is found: by its id, its link, or its place among its like.
  function placeOf(element, main) {
    if (!element || element === main || !main.contains(element)) return null;
    const like = element.id ? '#' + CSS.escape(element.id)
      : element.hasAttribute('href') ? `${element.localName}[href="${CSS.escape(element.getAttribute('href'))}"]`
      : element.localName;
    return { like, at: [...main.querySelectorAll(like)].indexOf(element) };
  }
  const find = (main, place) => place && main.querySelectorAll(place.like)[place.at];

  // Folds are known by the row that they are in, else by their words.
  const nameOf = (details) => {
    const row = details.closest('tr');
    const id = row && row.querySelector('th[scope=row]');
    return id ? 'row ' + id.textContent : details.querySelector('summary').textContent;
  };

  function show(next, main) {
    const focus = placeOf(document.activeElement, main);
    const open = new Set([...main.querySelectorAll('details[open]')].map(nameOf));
    const scrolled = [...main.querySelectorAll('.scroll')].map((box) => box.scrollLeft);
    next.querySelectorAll('details').forEach((details) => { details.open = open.has(nameOf(details)); });
    const [left, top] = [window.scrollX, window.scrollY];
    main.replaceChildren(...next.childNodes);
    main.querySelectorAll('.scroll').forEach((box, i) => { box.scrollLeft = scrolled[i] || 0; });
    const again = find(main, focus);
    if (again) again.focus({ preventScroll: true });
    window.scrollTo(left, top);
  }

  function say(words, lost) {
    note.classList.toggle('lost', lost);
    if (note.textContent !== words) note.textContent = words;
  }

  async function refresh() {
    if (busy()) return;
    let page;
    try {
      const reply = await fetch(location.href, { cache: 'no-store', redirect: 'error' });
      if (!reply.ok) throw new Error(String(reply.status));
      page = new DOMParser().parseFromString(await reply.text(), 'text/html');
    } catch {
      lostSince = lostSince || new Date();
      say(`No answer from the daemon since ${clock(lostSince)}: what stands here is as of the time above.`, true);
      return;
    }
    const next = page.getElementById('main'), main = document.getElementById('main');
    if (!next || busy()) return;
    const changed = content(next) !== content(main);
    if (lostSince) say('The daemon answers again.', false);
    lostSince = null;
    document.title = page.title;
    document.getElementById('asof').replaceWith(page.getElementById('asof'));
    show(document.importNode(next, true), main);
    if (changed) say(`Something changed at ${clock(new Date())}.`, false);
  }

  document.addEventListener('visibilitychange', refresh);
  (async () => {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      await refresh();
    }
  })();
})();
