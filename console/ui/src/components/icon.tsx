// Icons, drawn inline: 24 × 24, stroked in the text's colour. They are decoration: the text beside them has the meaning.
const PATHS = {
  tasks: "M4 6h16M4 12h16M4 18h10",
  failures:
    "M12 8v5m0 3.500v.010M10.300 3.900 2.400 18a2 2 0 0 0 1.700 3h15.800a2 2 0 0 0 1.700-3L13.700 3.900a2 2 0 0 0-3.400 0z",
  objects: "M12 3 4 7.500v9L12 21l8-4.500v-9zM4 7.500l8 4.500 8-4.500M12 12v9",
  machines: "M4 5h16v6H4zM4 13h16v6H4zM7.500 8h.010M7.500 16h.010",
  credentials: "M15.500 3.500a5 5 0 1 0-4.700 6.700L4 17v3h3l1-1v-2h2v-2h2l1.800-1.800a5 5 0 0 0 1.700-9.700z",
  changes: "M5 4v16M5 7h9m-9 5h14m-14 5h7M14 5v4m5 1v4m-7 1v4",
  settings: "M4 7h9m4 0h3M4 17h3m4 0h9M15 4.500v5M9 14.500v5",
  plus: "M12 5v14M5 12h14",
  play: "M7 5v14l12-7z",
  pause: "M8 5v14M16 5v14",
  stop: "M6 6h12v12H6z",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  check: "m5 12.500 4.500 4.500L19 7.500",
  cross: "M6 6l12 12M18 6 6 18",
  right: "M5 12h14m-5-5 5 5-5 5",
  back: "m14 6-6 6 6 6",
  more: "M12 6v.010M12 12v.010M12 18v.010",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5",
  retry: "M4 12a8 8 0 1 0 2.500-5.800M4 4v4.500h4.500",
  search: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500 20 20",
  offline:
    "M3 3l18 18M5 12.500a10 10 0 0 1 4-2.400m4.500-.300a10 10 0 0 1 5.500 2.700M8.500 16a5 5 0 0 1 7 0M12 19.500v.010",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.500l3 2",
  info: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 11v5M12 8v.010",
  download: "M12 4v11m-4.500-4L12 15.500 16.500 11M5 20h14",
  out: "M10 4H5v16h5M14 8l4 4-4 4M9 12h9",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of the product. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" class="mark-ground" />
      <path d="M15 6v13H6.500zM17 10l7.500 9H17z" class="mark-sail" />
      <path d="M6 21.500h20l-2.600 4.500H8.600z" class="mark-hull" />
    </svg>
  );
}
