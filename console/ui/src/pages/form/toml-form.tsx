// The definition as the text of a file, to be pasted and changed.
import { useEffect, useState } from "preact/hooks";
import { checkDefinition } from "../../api/calls";
import { type Problem, problemOf } from "../../api/problem";
import type { Definition } from "../../api/types";
import { Button } from "../../components/controls";
import { TextField } from "../../components/field";
import { ProblemPanel } from "../../components/states";
import { t } from "../../i18n";

export function TomlForm({ draft, onDraft }: { draft: Definition; onDraft: (draft: Definition) => void }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    let gone = false;
    // A draft that is not whole yet has no text; then the field is empty and waits for one.
    checkDefinition(draft).then(
      ({ toml }) => !gone && setText((text) => text || toml),
      () => undefined,
    );
    return () => void (gone = true);
  }, []);
  const take = async () => {
    setBusy(true);
    try {
      onDraft((await checkDefinition(text)).definition as Definition);
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <>
      <TextField
        label={t("form.toml.label")}
        value={text}
        onInput={setText}
        rows={18}
        mono
        hint={t("form.toml.hint")}
        placeholder={
          'task = "photos"\nschedule = "every 1h"\n\n[source]\nlocation = "s3://photos"\n\n[destination]\nlocation = "s3://backup"'
        }
      />
      {problem && <ProblemPanel problem={problem} />}
      <div class="wizard-actions">
        <span class="push" />
        <Button kind="primary" busy={busy} disabled={!text.trim()} onClick={() => void take()}>
          {t("form.toml.take")}
        </Button>
      </div>
    </>
  );
}
