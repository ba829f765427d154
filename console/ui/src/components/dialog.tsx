// A dialog over the page. The browser's own <dialog> keeps the focus inside, closes on Escape and gives the focus back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../api/problem";
import { t } from "../i18n";
import { Button } from "./controls";
import { ProblemPanel } from "./states";

interface DialogProps {
  title: string;
  confirm: string;
  /** Of the button that changes nothing, where "Cancel" may be misread. */
  keep?: string;
  danger?: boolean;
  disabled?: boolean;
  /** Whether it stays open once done, to show what came of it. */
  stay?: boolean;
  children?: ComponentChildren;
  /** Does it. A failure is shown in the dialog, which stays. */
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

export function Dialog({ title, confirm, keep, danger, disabled, stay, children, onConfirm, onClose }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      // It is out of the page by now, so the browser gives no focus back by itself.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy || disabled) return;
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm();
      if (!stay) return onClose();
      setBusy(false);
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <dialog ref={element} aria-labelledby={heading} onCancel={onClose}>
      <form onSubmit={submit}>
        <h2 id={heading}>{title}</h2>
        {children}
        {problem && <ProblemPanel problem={problem} />}
        <div class="dialog-actions">
          <Button onClick={onClose}>{keep ?? t("cancel")}</Button>
          <Button type="submit" kind={danger ? "danger" : "primary"} busy={busy} disabled={disabled}>
            {confirm}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
