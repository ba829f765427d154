// English. A text is "one|other" where a count `n` decides.
import { form } from "./en/form";
import { meanings } from "./en/meanings";
import { pages } from "./en/pages";
import { reasons } from "./en/reasons";
import { words } from "./en/words";

export const en = { ...words, ...pages, ...form, ...reasons, ...meanings };
