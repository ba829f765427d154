// How a person uses a page: by the mouse, or by the keyboard alone.
import assert from "node:assert/strict";

/** Most presses of Tab from one control to another. */
const MAX_TABS = 150;

export const mouse = {
  click: (control, options) => control.click(options),
  pick: (item) => item.click(),
  fill: (field, value) => field.fill(value),
  select: (field, value) => field.selectOption(value),
};

const isFocused = (control) =>
  control.evaluate((element) => element === document.activeElement);

/** A focus that nobody sees is none: it has an outline or a shadow, and is in the window. */
async function assertVisible(control) {
  const seen = await control.evaluate((element) => {
    // The ring may be that of the field around the control.
    const ringed = [element, element.parentElement].some((one) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
      const outlined = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
      return outlined || boxShadow !== "none";
    });
    const { top, bottom } = element.getBoundingClientRect();
    const inWindow = bottom > 0 && top < innerHeight;
    return { ringed, inWindow, html: element.outerHTML.slice(0, 120) };
  });
  assert.ok(
    seen.ringed && seen.inWindow,
    `the focus is not seen: ${seen.html}`,
  );
}

/** Moves the focus by Tab until it is on a control that can be used. */
async function tabTo(control, { timeout = 30_000 } = {}) {
  await control.waitFor({ timeout });
  const page = control.page();
  for (let turn = 0; turn < MAX_TABS; turn += 1) {
    if (await isFocused(control)) return assertVisible(control);
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not reach ${control}`);
}

export const keys = {
  click: async (control, options) => {
    await tabTo(control, options);
    await control.page().keyboard.press("Enter");
  },
  /** An item of a menu that is open. */
  pick: async (item) => {
    const page = item.page();
    await page.locator("[role=menuitem]:focus").waitFor();
    for (let turn = 0; turn < 20 && !(await isFocused(item)); turn += 1)
      await page.keyboard.press("ArrowDown");
    assert.ok(await isFocused(item), `the arrows do not reach ${item}`);
    await page.keyboard.press("Enter");
  },
  fill: async (field, value) => {
    await tabTo(field);
    await field.page().keyboard.press("Control+A");
    await field.page().keyboard.type(value);
  },
  select: async (field, value) => {
    await tabTo(field);
    await field.page().keyboard.press("Home");
    for (let turn = 0; turn < 30; turn += 1) {
      if ((await field.inputValue()) === value) return;
      await field.page().keyboard.press("ArrowDown");
    }
    assert.fail(`the arrows do not choose ${value}`);
  },
};
