// Form fields: a label, a hint, an error that is tied to its input.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  optional?: string;
  children: (ids: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ComponentChildren;
}

export function Field({ label, hint, error, optional, children }: FieldProps) {
  const id = useId();
  const described = `${id}-about`;
  return (
    <div class={`field${error ? " wrong" : ""}`}>
      <label for={id}>
        {label}
        {optional && <span class="faint"> · {optional}</span>}
      </label>
      {children({ id, "aria-describedby": described, "aria-invalid": Boolean(error) })}
      <div id={described} class="field-about">
        {error && <p class="field-error">{error}</p>}
        {hint && <p class="hint">{hint}</p>}
      </div>
    </div>
  );
}

interface TextProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  error?: string | undefined;
  optional?: string;
  placeholder?: string;
  mono?: boolean;
  list?: string[];
  inputMode?: "numeric" | "text" | "url";
  disabled?: boolean;
  required?: boolean;
  rows?: number;
}

export function TextField(props: TextProps) {
  const { label, value, onInput, hint, error, optional, placeholder, mono, list, disabled, required, rows } = props;
  const options = useId();
  const shared = {
    class: mono ? "mono" : "",
    value,
    placeholder,
    disabled,
    required,
    spellcheck: false,
    autocomplete: "off" as const,
    autocapitalize: "off" as const,
    onInput: (event: Event) => onInput((event.currentTarget as HTMLInputElement).value),
  };
  return (
    <Field label={label} hint={hint} error={error} {...(optional ? { optional } : {})}>
      {(ids) =>
        rows ? (
          <textarea {...ids} {...shared} rows={rows} />
        ) : (
          <>
            <input type="text" {...ids} {...shared} inputMode={props.inputMode} list={list ? options : undefined} />
            {list && (
              <datalist id={options}>
                {list.map((one) => (
                  <option value={one} />
                ))}
              </datalist>
            )}
          </>
        )
      }
    </Field>
  );
}

export function SelectField({
  label,
  value,
  options,
  onInput,
  hint,
  error,
  disabled,
}: {
  label: string;
  value: string;
  disabled?: boolean;
  options: [string, string][];
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  error?: string | undefined;
}) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(ids) => (
        <select {...ids} value={value} disabled={disabled} onInput={(event) => onInput(event.currentTarget.value)}>
          {options.map(([name, text]) => (
            <option key={name} value={name} selected={name === value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckField({
  label,
  checked,
  onInput,
  hint,
  disabled,
}: {
  label: string;
  checked: boolean;
  onInput: (checked: boolean) => void;
  hint?: ComponentChildren;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div class="check-field">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        aria-describedby={`${id}-about`}
        onInput={(event) => onInput(event.currentTarget.checked)}
      />
      <div>
        <label for={id}>{label}</label>
        <p id={`${id}-about`} class="hint">
          {hint}
        </p>
      </div>
    </div>
  );
}

/** One of few, each with its meaning. */
export function Choice({
  legend,
  value,
  options,
  onInput,
}: {
  legend: string;
  value: string;
  options: { value: string; label: string; hint?: string }[];
  onInput: (value: string) => void;
}) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option.value} class={option.value === value ? "chosen" : ""}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onInput={() => onInput(option.value)}
          />
          <span>
            <strong>{option.label}</strong>
            {option.hint && <span class="hint">{option.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
