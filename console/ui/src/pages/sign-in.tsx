// Nobody is signed in: the token of the program, or the organisation's own page.
import { useEffect, useState } from "preact/hooks";
import { login, session } from "../api/session";
import { type Problem, problemOf } from "../api/problem";
import { Button } from "../components/controls";
import { TextField } from "../components/field";
import { Mark } from "../components/icon";
import { ProblemPanel } from "../components/states";
import { t } from "../i18n";

export function SignIn() {
  const { features, problem } = session.value;
  useEffect(() => {
    document.title = `${t("sign.in")} · Flotilla`;
  }, []);
  return (
    <main class="sign-in">
      <div class="card">
        <Mark size={44} />
        <h1>{t("sign.in.title")}</h1>
        {problem &&
          (problem.status === 401 ? (
            <ProblemPanel problem={problem} />
          ) : (
            <ProblemPanel problem={problem} onRetry={() => location.reload()} />
          ))}
        {features?.login === "oidc" ? <Provider /> : <Token />}
      </div>
    </main>
  );
}

function Provider() {
  const next = encodeURIComponent(location.pathname + location.search);
  return (
    <>
      <p class="faint">{t("sign.in.oidc")}</p>
      <a class="button primary" href={`/api/v1/login/oidc?next=${next}`}>
        {t("sign.in")}
      </a>
    </>
  );
}

function Token() {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      // A whole address may be pasted as well.
      await login(token.trim().replace(/^.*#token=/, ""));
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <form class="stack" onSubmit={submit}>
      <p class="faint">{t("sign.in.token.about")}</p>
      <TextField label={t("sign.in.token")} value={token} onInput={setToken} mono required />
      {problem && <ProblemPanel problem={problem} />}
      <Button type="submit" kind="primary" busy={busy} disabled={!token.trim()}>
        {t("sign.in")}
      </Button>
    </form>
  );
}
