// Tabs as in the WAI-ARIA Authoring Practices: arrow keys switch, and one tab is in the tab order.

const tabs = [...document.querySelectorAll('[role=tab]')];

function name(tab) {
  return tab.getAttribute('aria-controls');
}

/** The name of the open tab. */
export function open() {
  return name(tabs.find((tab) => tab.ariaSelected === 'true'));
}

function select(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute('aria-selected', chosen);
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(name(other)).hidden = !chosen;
  }
  document.body.dataset.tab = name(tab);
}

function neighbour(tab, key) {
  const place = tabs.indexOf(tab);
  const places = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    Home: 0,
    End: tabs.length - 1,
  };
  return key in places ? tabs.at(places[key] % tabs.length) : null;
}

/** Opens the tab of this name. */
export function visit(wanted) {
  tabs.find((tab) => name(tab) === wanted).click();
}

/** Sets up the tabs; `changed` is called with the name of each tab that is opened. */
export function start(changed) {
  const show = (tab) => {
    select(tab);
    changed(name(tab));
  };
  const follow = (tab) => {
    history.replaceState(null, '', `#${name(tab)}`);
    show(tab);
  };
  for (const tab of tabs) {
    tab.addEventListener('click', () => follow(tab));
    tab.addEventListener('keydown', (event) => {
      const next = neighbour(tab, event.key);
      if (!next) return;
      event.preventDefault();
      next.focus();
      follow(next);
    });
  }
  const addressed = () => tabs.find((tab) => `#${name(tab)}` === location.hash) ?? tabs[0];
  addEventListener('hashchange', () => show(addressed()));
  show(addressed());
}
