// Reading the first pages of a list as one.

interface Page<Item> {
  items: Item[];
  next?: string | null;
}

/**
 * The last of the first `wanted` pages, with the items of all: each cursor comes from the page before. While nothing is
 * found it goes on, for up to `empty` pages more.
 */
export async function readPages<Rest, Item>(
  read: (cursor: string | undefined) => Promise<Rest & Page<Item>>,
  wanted: number,
  empty = 0,
) {
  let page = await read(undefined);
  const items = [...page.items];
  for (let turn = 1; page.next && (turn < wanted || (items.length === 0 && turn < wanted + empty)); turn += 1) {
    page = await read(page.next);
    items.push(...page.items);
  }
  return { ...page, items };
}
