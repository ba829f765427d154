import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/content.css";
import "./styles/charts.css";
import "./styles/pages.css";
import "./styles/phases.css";
import "./styles/raw.css";
import "./styles/form.css";
import { begin } from "./api/session";
import { App } from "./app";
import { startClock } from "./format";
import { keepSettings } from "./settings";

keepSettings();
startClock();
void begin();
// An address with a token, opened in a tab that has the page, changes the fragment alone: nothing is loaded.
addEventListener("hashchange", () => {
  if (/^#(token|session)=/.test(location.hash)) void begin();
});
const root = document.getElementById("app");
if (root) render(<App />, root);
