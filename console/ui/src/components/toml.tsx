// A definition file: shown, copied, saved.
import { t } from "../i18n";
import { Button } from "./controls";
import { toast } from "./toast";

export function Toml({ text, name }: { text: string; name: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(t("copied"));
    } catch {
      toast(t("copy.failed"), "bad");
    }
  };
  const save = () => {
    const link = document.createElement("a");
    const url = URL.createObjectURL(new Blob([text], { type: "application/toml" }));
    link.href = url;
    link.download = name;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <div class="toml">
      <pre class="code" tabIndex={0} aria-label={name}>
        {text}
      </pre>
      <div class="row">
        <Button small icon="copy" onClick={copy}>
          {t("copy")}
        </Button>
        <Button small icon="download" onClick={save}>
          {t("download")}
        </Button>
      </div>
    </div>
  );
}
