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

  // What goes on with each poll, in the tables of the audit report.
  const POLLED = ['N: instants', 'G: never more apart than', 'Last seen'];

  // What counts as a change: not the time that goes by, and not that it was asked again and nothing is new.
  function content(main) {
    const copy = main.cloneNode(true);
    copy.querySelectorAll('.age, .poll, svg.timeline').forEach((passing) => passing.remove());
    copy.querySelectorAll('table').forEach((table) => {
      const polled = [...table.querySelectorAll('thead th')].map((th) => POLLED.includes(th.textContent));
      if (!polled.includes(true)) return;
      table.querySelectorAll('tbody tr').forEach((row) => {
        [...row.cells].forEach((cell, i) => { if (polled[i]) cell.remove(); });
      });
    });
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

  function say(words, trouble) {
    note.classList.toggle('lost', trouble);
    if (note.textContent !== words) note.textContent = words;
  }

  function lost(words) {
    lostSince = lostSince || new Date();
    say(words, true);
  }

  async function refresh() {
    if (busy()) return;
    let page;
    try {
      const reply = await fetch(location.href, { cache: 'no-store', redirect: 'error' });
      if (!reply.ok) {
        lost(`The daemon answered ${reply.status}; trying again. What stands here is as of the time above.`);
        return;
      }
      page = new DOMParser().parseFromString(await reply.text(), 'text/html');
    } catch {
      lost(`No answer from the daemon since ${clock(lostSince || new Date())}: what stands here is as of the time above.`);
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

  // One at a time; and what goes wrong once is tried again.
  let refreshing = false;
  async function refreshAlone() {
    if (refreshing) return;
    refreshing = true;
    try {
      await refresh();
    } catch (error) {
      console.error(error);
    } finally {
      refreshing = false;
    }
  }

  document.addEventListener('visibilitychange', refreshAlone);
  (async () => {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      await refreshAlone();
    }
  })();
})();
