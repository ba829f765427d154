// Chinese. The compiler checks that it has the keys of English.
import type { Messages } from "../i18n";
import { form } from "./zh/form";
import { meanings } from "./zh/meanings";
import { pages } from "./zh/pages";
import { reasons } from "./zh/reasons";
import { words } from "./zh/words";

export const zh: Messages = { ...words, ...pages, ...form, ...reasons, ...meanings };
